package browser

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestSparePages has spare pages made while one is in use, which doesn't notice, and one of them die.
func TestSparePages(t *testing.T) {
	program, err := Find()
	if err != nil {
		t.Skip(err)
	}
	b, err := Start(context.Background(), Config{Program: program})
	require.NoError(t, err)
	t.Cleanup(b.Close)
	first, err := b.Open("about:blank")
	require.NoError(t, err)
	spares := func() []*Page {
		b.stock.mu.Lock()
		defer b.stock.mu.Unlock()
		return append([]*Page{}, b.stock.pages...)
	}
	require.Eventually(t, func() bool { return len(spares()) == mostSpares }, 30*time.Second, 10*time.Millisecond)
	made := spares()

	var saw struct {
		Result struct{ Value string }
	}
	require.NoError(t, b.cdp.call(first.session, "Runtime.evaluate", map[string]any{"awaitPromise": true, "expression": `
		new Promise(requestAnimationFrame).then(() => document.visibilityState + ' ' + document.hasFocus())`}, &saw))
	require.Equal(t, "visible true", saw.Result.Value)

	b.own("GET", "https://maker.test/")
	require.Contains(t, text(first), "Chrome/", "which browser it is in")
	require.Contains(t, text(first), "maker.test", "the page in use is told")
	for _, p := range made {
		require.Empty(t, text(p), "a spare page is told nothing, and does nothing")
	}

	made[0].Crash()
	require.Eventually(t, made[0].in.ended, 10*time.Second, 10*time.Millisecond)
	require.NoError(t, first.Close())
	require.NoError(t, first.Close(), "once more")
	b.own("GET", "https://between.test/")
	second, err := b.Open("about:blank")
	require.NoError(t, err)
	require.Same(t, made[1], second, "the first that lives")
	require.NotEqual(t, first.context, second.context)
	require.Contains(t, text(second), "between.test")
	require.NotContains(t, text(second), "maker.test")
}

// text is what has come from a page and nobody has read.
func text(p *Page) string {
	p.in.mu.Lock()
	defer p.in.mu.Unlock()
	return string(p.in.text)
}
