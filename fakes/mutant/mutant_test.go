package mutant

import (
	"net/netip"
	"os"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/fakes/internal/memnet"
	"github.com/proxyspec/proxyspec/fakes/sdk"
)

func TestMutantsAreDescribed(t *testing.T) {
	catalogue, err := os.ReadFile("../../features/requirements.yaml")
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(All()), 40)
	seen := map[string]bool{}
	for _, m := range All() {
		t.Run(m.Name, func(t *testing.T) {
			require.Regexp(t, `^[a-z]+(-[a-z]+)*$`, m.Name)
			require.False(t, seen[m.Name], "the name is given twice")
			seen[m.Name] = true
			require.Regexp(t, `^[a-z].*[A-Za-z0-9]$`, m.Description, "it goes on from 'an SDK that'")
			require.NotEmpty(t, m.Breaks)
			for _, id := range m.Breaks {
				require.Regexp(t, regexp.MustCompile(`(?m)id: `+id+`\b`), string(catalogue))
			}
			found, ok := Find(m.Name)
			require.True(t, ok)
			require.Equal(t, m.Description, found.Description)
			m.New(sdk.Config{Net: memnet.New().Host(netip.MustParseAddr("10.0.0.1"))}).Close()
		})
	}
	_, ok := Find("sound")
	require.False(t, ok)
}
