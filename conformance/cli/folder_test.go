package cli

import (
	"os"
	"path/filepath"
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

// TestPrepareAfterAKill has a report of a run that was killed: of the case that was under way it names no evidence.
func TestPrepareAfterAKill(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		name = filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(name), 0o777))
		require.NoError(t, os.WriteFile(name, []byte(text), 0o666))
	}
	write("conformance.json", `{"schema": "proxyspec.conformance/v1", "cases": [{"id": "own/office/hangs", "outcome": "not run", "evidence": {}}, {"id": "../mine"}, {}]}`)
	for _, name := range []string{"capture.pcapng", "timeline.json", "timeline.js", "index.html"} {
		write("evidence/own/office/hangs/"+name, "of the case that was under way")
		write("mine/"+name, "somebody else's")
	}
	release, err := prepare(dir)
	require.NoError(t, err)
	release()
	require.NoDirExists(t, filepath.Join(dir, "evidence"))
	require.FileExists(t, filepath.Join(dir, "mine/index.html"))
}
