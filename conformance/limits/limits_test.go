package limits_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/conformance/limits"
	"github.com/proxyspec/proxyspec/conformance/result"
)

func TestExampleIsTheDefaults(t *testing.T) {
	l, err := limits.Read([]byte(limits.Example()))
	require.NoError(t, err)
	require.Equal(t, limits.Limits{}.WithDefaults(), l)
	require.Empty(t, l.Changed())
}

func TestRead(t *testing.T) {
	l, err := limits.Read([]byte("# a slow one\njoin: 90s\nmedia: 2m\nlookups: 40\n"))
	require.NoError(t, err)
	require.Equal(t, limits.Limits{Join: 90 * time.Second, Media: 2 * time.Minute, Lookups: 40}, l)
	changed := l.Changed()
	require.Equal(t, []result.Limit{
		{Name: "join", Value: "1m30s", Default: "60s"}, {Name: "media", Value: "2m", Default: "60s"}, {Name: "lookups", Value: "40", Default: "20"},
	}, changed)
	var again limits.Limits
	for _, c := range changed {
		require.NoError(t, again.Set(c.Name, c.Value))
	}
	require.Equal(t, l, again)
	require.Equal(t, 60*time.Second, l.WithDefaults().Fallback)

	l, err = limits.Read(nil)
	require.NoError(t, err)
	require.Zero(t, l)
}

func TestReadSaysWhatIsWrong(t *testing.T) {
	for _, tt := range []struct{ name, file, says string }{
		{"unknown", "join: 90s\nmedai: 2m\n", `line 2, column 1: there is no limit "medai"; did you mean "media"?`},
		{"unlike any", "volume: 11\n", `line 1, column 1: there is no limit "volume"; there are join, media, fallback, move, lookups, watch, reply, teardown`},
		{"twice", "join: 90s\njoin: 80s\n", "line 2, column 1: "},
		{"no unit", "join: 90\n", `line 1, column 7: join: "90" is not a time: write it with its unit, as "90s" or "2m30s"`},
		{"nothing", "join:\n", "join: nothing is not a value"},
		{"a list", "join: [90s]\n", "line 1, column 7: join: a list is not a value"},
		{"zero", "join: 0s\n", "line 1, column 7: join: 0s is not possible: give at least a millisecond and at most an hour"},
		{"too long", "join: 90m\n", "line 1, column 7: join: 90m is not possible"},
		{"no number", "lookups: many\n", `line 1, column 10: lookups: "many" is not a number from 1 to 10000`},
		{"no map", "90s\n", `line 1: a limits file is a map, as "join: 90s", not text`},
		{"two mistakes", "jion: 1s\nwatch: x\n", "line 2, column 8: watch: \"x\" is not a time"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := limits.Read([]byte(tt.file))
			require.ErrorContains(t, err, tt.says)
		})
	}
}
