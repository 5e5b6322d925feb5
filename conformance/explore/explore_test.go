package explore_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/conformance/explore"
	"github.com/proxyspec/proxyspec/conformance/selection"
)

// The file of a world yields the very case that was run, or it would be another world.
func TestFilesAreTheirCases(t *testing.T) {
	t.Chdir(t.TempDir())
	for n := range uint64(50) {
		w := explore.New(1, n)
		require.Equal(t, w, explore.New(1, n))
		require.NoError(t, os.WriteFile(w.File(), []byte(w.Text()), 0o644))
		cases, err := selection.Select(selection.Config{Suite: os.DirFS(filepath.Dir(w.File())), Paths: []string{w.File()}})
		require.NoError(t, err)
		require.Len(t, cases, 1)
		want := w.Case()
		cases[0].Tags, cases[0].Requirements = nil, nil
		require.Equal(t, want, cases[0])
	}
}

func TestShrinkKeepsWhatItTakes(t *testing.T) {
	w := explore.World{Name: "w", Steps: []string{"a", "b", "c", "d", "e", "f", "g"}}
	got := w.Shrink(func(w explore.World) bool { return slices.Contains(w.Steps, "b") && slices.Contains(w.Steps, "f") })
	require.Equal(t, []string{"b", "f"}, got.Steps)
}
