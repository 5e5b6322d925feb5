package reports_test

import (
	"bytes"
	"flag"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/conformance/result"
	"github.com/proxyspec/proxyspec/reports"
)

var pageCases = flag.Int("page-cases", 1000, "how many cases the large page has; from 5000 on its time is held to the bar too")

// write writes the reports of a run beside mutants, and returns the page.
func write(t *testing.T, run *result.Run) (page string) {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, reports.WriteMutants(dir, mutation()))
	require.NoError(t, reports.Write(dir, run))
	return filepath.Join(dir, "index.html")
}

const (
	// list is a function of a section: how many items it shows, and what it says of that.
	list = `const list = document.getElementById("scenarios"), input = list.querySelector("input");
const shown = () => list.querySelectorAll("[data-item]:not([hidden])").length + " " + list.querySelector(".showing").textContent;
const search = (words) => { input.value = words; input.dispatchEvent(new Event("input")); };
`
	// frames waits until the page has been painted.
	frames = `const frame = () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
`
)

// TestPageInChromium lets a browser run the page's script: a packed ladder is drawn when a link opens its case, and a
// filter and a search leave what they should.
func TestPageInChromium(t *testing.T) {
	b := openTab(t)
	b.open(write(t, sample()), "#case-sample%2fcase-01")
	require.Equal(t, "true", b.says(`const opened = document.getElementById("case-sample/case-01");
		for (let i = 0; i < 100 && !opened.querySelector("svg .phase.p4"); i++) await new Promise((done) => setTimeout(done, 20));
		return opened.open && !!opened.querySelector("svg .phase.p4")`))
	require.Equal(t, "2 2 of 10", b.says(list+`list.querySelector("button.fail").click(); return shown()`))
	require.Equal(t, "1 1 of 10", b.says(list+`search("MEETING room"); return shown()`))
	require.Equal(t, "10 ", b.says(list+`list.querySelector("button.fail").click(); search(""); return shown()`))
	require.Equal(t, "true", b.says(`document.querySelector('.matrix a[href="#req-CP-FLOW-04"]').click();
		await new Promise((done) => setTimeout(done, 50));
		return document.getElementById("req-CP-FLOW-04").closest("details").open`), "a rule of the matrix leads to its requirement")
	require.Empty(t, b.console)
}

// TestPagesFitEveryWidth holds every page to a window of a telephone and one of a desk: nothing sticks out of it.
func TestPagesFitEveryWidth(t *testing.T) {
	b := openTab(t)
	run := sample()
	dir := t.TempDir()
	failed := &run.Cases[1]
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "evidence", failed.ID), 0o755))
	require.NoError(t, reports.WritePage(dir, run, failed))
	require.NoError(t, reports.WriteMutants(dir, mutation()))
	require.NoError(t, reports.Write(dir, run))
	var crowded bytes.Buffer
	require.NoError(t, reports.KneeHTML(&crowded, knee()))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "knee.html"), crowded.Bytes(), 0o644))
	for _, page := range []string{"index.html", "mutants.html", "knee.html", failed.Evidence.Page} {
		for _, width := range []int{400, 1280} {
			b.resize(width, 900)
			b.open(filepath.Join(dir, page), "")
			require.Equal(t, "true", b.says(`document.querySelectorAll("details").forEach((d) => { d.open = true });
				const e = document.documentElement; return e.scrollWidth <= e.clientWidth`), "%s at %d", page, width)
		}
	}
}

// TestLargePageInChromium opens the page of a large run: it doesn't move under the reader, filters answer, and a
// keyboard is enough.
func TestLargePageInChromium(t *testing.T) {
	b := openTab(t)
	file := write(t, many(*pageCases))
	stat, err := os.Stat(file)
	require.NoError(t, err)
	require.Less(t, stat.Size(), int64(10<<20))
	b.open(file, "")

	// Interactive is when the first click is answered on the screen.
	ready := b.eval(list + frames + `list.querySelector("button.fail").click(); await frame(); return performance.now()`).(float64)
	t.Logf("%d cases, %d kB: loaded, and a filter answered, after %.0f ms", *pageCases, stat.Size()/1000, ready)
	if *pageCases >= 5000 {
		require.Less(t, ready, 2000.0)
	}
	failed := b.says(list + `return shown()`)
	require.Regexp(t, `^(\d+) (\d+) of \d+$`, failed)
	require.Equal(t, *pageCases/50, int(b.eval(list+`return list.querySelectorAll("[data-item]:not([hidden])").length`).(float64)))

	b.visit(slowly(t, file))
	shifts := b.says(frames + `const shifts = [];
		new PerformanceObserver((all) => { for (const s of all.getEntries()) if (!s.hadRecentInput) shifts.push(s.value + " of " + s.sources.map((o) => o.node?.nodeName + "." + o.node?.className + JSON.stringify([o.previousRect.y, o.currentRect.y])).join(", ")) }).observe({ type: "layout-shift", buffered: true });
		for (let y = 0; y < document.documentElement.scrollHeight; y += 700) { scrollTo(0, y); await frame(); }
		scrollTo(0, 0); await frame();
		return shifts.join(" ")`)
	require.Empty(t, shifts, "layout shifts")

	seen, order := b.tab(40)
	require.NotContains(t, strings.Join(order, "\n"), "nowhere", "each stop is seen, and has an outline")
	require.Equal(t, "true", seen, "the order is that of the page")
	require.Equal(t, "closed", b.says(`document.querySelector("#requirements details.theme > summary").focus();
		return document.activeElement.parentElement.open ? "open" : "closed"`))
	b.press("Enter")
	require.Equal(t, "true", b.says(`return document.activeElement.parentElement.open`), "Enter opens a theme")
	b.press("Tab")
	require.Equal(t, "A", b.says(`return document.activeElement.tagName`), "and Tab goes into it")
	b.press("Enter")
	require.Equal(t, "true", b.says(`await new Promise((done) => setTimeout(done, 50));
		const there = document.getElementById(decodeURIComponent(location.hash.slice(1)));
		return !!there && there.getBoundingClientRect().top < innerHeight && there.getBoundingClientRect().bottom > 0`), "Enter on a mark leads to its case")
	require.Empty(t, b.console)
}

// slowly is the address of a server that sends a page in pieces, so that each is painted before the next one is there:
// within the first table, between its first screen and the rest, and in the middle of that.
func slowly(t *testing.T, file string) (url string) {
	t.Helper()
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	part := bytes.Index(text, []byte("</i><i")) // a browser may stop to paint within a bar
	row := bytes.Index(text, []byte("</tr>"))
	nav := bytes.Index(text, []byte("<nav"))
	require.True(t, 0 < part && part < row && row < nav)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/" { // a browser asks for an icon
			w.WriteHeader(http.StatusNoContent)
			return
		}
		w.Header().Set("Content-Type", "text/html")
		from := 0
		for _, to := range []int{part + len("</i>"), row + len("</tr>"), nav, len(text) / 2, len(text)} {
			_, _ = w.Write(text[from:to])
			_ = http.NewResponseController(w).Flush()
			from = to
			time.Sleep(250 * time.Millisecond) // as a slow line does
		}
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// tab presses Tab so many times, and returns whether the focus went down the page, and where it was.
func (b *tab) tab(times int) (inOrder string, order []string) {
	b.t.Helper()
	b.eval(`window.stops = []; document.activeElement?.blur()`)
	for range times {
		b.press("Tab")
		order = append(order, b.says(`const e = document.activeElement; stops.push(e);
			const box = e.getBoundingClientRect(), style = getComputedStyle(e);
			const seen = box.width > 0 && box.height > 0 && style.outlineStyle !== "none" && box.top < innerHeight && box.bottom > 0;
			return (seen ? "" : "nowhere: ") + e.tagName + " " + e.textContent.trim().slice(0, 40)`))
	}
	return b.says(`return stops.every((e, i) => i === 0 || stops[i - 1].compareDocumentPosition(e) & Node.DOCUMENT_POSITION_FOLLOWING)`), order
}
