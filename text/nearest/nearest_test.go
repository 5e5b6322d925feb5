package nearest

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTo(t *testing.T) {
	names := []string{"run", "list", "steps", "version", "@CP-FLOW-01", "@CP-FLOW-02", "mutant:direct-media"}
	for _, tc := range []struct{ typed, want string }{
		{"rnu", "run"},
		{"Run", "run"},
		{"lst", "list"},
		{"verison", "version"},
		{"@CP-FLOW-1", "@CP-FLOW-01"},
		{"@cp-flow-02", "@CP-FLOW-02"},
		{"mutant:direct", "mutant:direct-media"},
		{"frobnicate", ""},
		{"", ""},
	} {
		require.Equal(t, tc.want, To(tc.typed, names), tc.typed)
	}
	require.Empty(t, To("x", nil))
	require.Equal(t, `; did you mean "run"?`, Hint("rum", names))
	require.Empty(t, Hint("frobnicate", names))
}

func TestDistance(t *testing.T) {
	for _, tc := range []struct {
		a, b string
		want int
	}{
		{"", "", 0}, {"", "abc", 3}, {"abc", "", 3}, {"abc", "abc", 0}, {"abc", "axc", 1},
		{"abc", "acb", 1}, {"alice joins", "\x00 joins", 0}, {"alice joins x", "\x00 jons \x00", 1}, {"", "\x00\x00a", 1}, {"xyz", "\x00", 0}, {"kitten", "sitting", 3}, {"ü", "u", 1},
	} {
		require.Equal(t, tc.want, distance(tc.a, tc.b), "%s, %s", tc.a, tc.b)
	}
}
