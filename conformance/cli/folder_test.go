package cli

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// TestOneRunAFolder has a second run in the folder of one that hasn't ended.
func TestOneRunAFolder(t *testing.T) {
	dir := t.TempDir()
	release, err := prepare(dir)
	require.NoError(t, err)
	_, err = prepare(dir)
	require.EqualError(t, err, "another run is writing its report into the folder; name another folder")
	release()
	release, err = prepare(dir)
	require.NoError(t, err)
	release()
}
