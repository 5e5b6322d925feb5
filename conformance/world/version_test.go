package world

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestBefore(t *testing.T) {
	for _, tt := range []struct {
		version string
		before  bool
	}{
		{"2.4.0", true}, {"v2.5.0", true}, {"2.4.10", true}, {"1.9.9", true}, {"2.5.1-rc.1", true},
		{"2.5.1", false}, {"2.5.1+b", false}, {"2.5.10", false}, {"2.10.0", false}, {"3.0.0.300", false}, {"3.0.0-alpha", false},
		{"", false}, {"latest", false}, {"2.5", false},
	} {
		require.Equal(t, tt.before, before(tt.version, "2.5.1"), tt.version)
	}
}
