package websdk

import (
	"io/fs"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestOneScript has every module in Main, in which no name stands for two things, and no line imports or exports.
func TestOneScript(t *testing.T) {
	text, err := fs.ReadFile(Files, Main)
	require.NoError(t, err)
	require.NotRegexp(t, `(?m)^(import|export)\b`, string(text))
	names := map[string]bool{}
	for _, found := range regexp.MustCompile(`(?m)^(?:async )?(?:const|let|class|function\*?) (\w+)`).FindAllSubmatch(text, -1) {
		require.False(t, names[string(found[1])], "%s: declared twice", found[1])
		names[string(found[1])] = true
	}
	all, err := fs.Glob(modules, "*.mjs")
	require.NoError(t, err)
	for _, file := range all {
		own, err := modules.ReadFile(file)
		require.NoError(t, err)
		for _, found := range regexp.MustCompile(`(?m)^export .*?(\w+)(?: [={]| extends|\()`).FindAllSubmatch(own, -1) {
			require.True(t, names[string(found[1])], "%s of %s", found[1], file)
		}
	}
}
