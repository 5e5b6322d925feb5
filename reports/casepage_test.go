package reports_test

import (
	"bytes"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/conformance/result"
	"github.com/proxyspec/proxyspec/conformance/timeline"
	"github.com/proxyspec/proxyspec/reports"
)

// stunRequest is an IPv4 packet with UDP and a STUN Binding request, which has SOFTWARE "proxyspec".
var stunRequest = []byte("\x45\x00\x00\x40\x00\x00\x00\x00\x40\x11\x00\x00\x0a\x0a\x00\x02\x17\xec\x73\x8a" +
	"\xa0\x28\x0d\x96\x00\x2c\x00\x00" + "\x00\x01\x00\x10\x21\x12\xa4\x42transaction." + "\x80\x22\x00\x09proxyspec\x00\x00\x00")

// TestCasePageInChromium lets a browser draw a timeline, search it, choose a packet and look into it, with the mouse
// and by keys, and sees that nothing is written to its console.
func TestCasePageInChromium(t *testing.T) {
	b := openTab(t)
	run := sample()
	failed := run.Cases[1]
	require.Equal(t, result.Fail, failed.Outcome)
	failed.Failure.Decides = failed.Failure.Events[0].Seq
	events := failed.Ladder
	for i := range events {
		if events[i].Proto == "UDP" && events[i].To.Port() == 3478 {
			events[i].Purpose = "stun"
		}
	}
	names := map[netip.Addr]string{}
	for _, h := range failed.Hosts {
		for _, a := range h.Addrs {
			names[a] = h.Name
		}
	}
	text, err := timeline.Compact(nil, events, names, func(int) []byte { return stunRequest }, "")
	require.NoError(t, err)
	report := filepath.Join(t.TempDir(), "alice's report")
	dir := filepath.Join(report, "evidence", filepath.FromSlash(failed.ID))
	require.NoError(t, os.MkdirAll(dir, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "timeline.js"), text, 0o644))
	var page bytes.Buffer
	require.NoError(t, reports.Page(&page, run, failed))
	require.Regexp(t, `href="(\.\./)+index.html#case-`, submatches(`(<a href="[^"]*index.html[^"]*">)`, page.String())[0])
	file := filepath.Join(dir, "index.html")
	require.NoError(t, os.WriteFile(file, page.Bytes(), 0o644))
	b.open(file, "")

	const timeline = `const root = document.getElementById("timeline"), input = root.querySelector("input");
const showing = () => root.querySelector(".showing").textContent, head = () => root.querySelector(".detail h4").textContent;
const search = (words) => { input.value = words; input.dispatchEvent(new Event("input")); };
`
	require.Contains(t, b.says(timeline+`return head()`), fmt.Sprintf("#%d at ", failed.Failure.Decides), "the event that decided")
	other := failed.Failure.Events[1].Seq
	require.Contains(t, b.says(timeline+fmt.Sprintf(`search("none"); document.querySelector("a[data-seq='%d']").click(); return head()`, other)),
		fmt.Sprintf("#%d at ", other), "another that proves it, even if the search hides it")
	require.Equal(t, fmt.Sprintf(`proxyspec replay %s --out '%s'`, failed.ID, strings.ReplaceAll(report, "'", `'\''`)),
		b.says(`return document.getElementById("replay").textContent`))
	require.Regexp(t, `^[1-9]\d* of \d+ events$`, b.says(timeline+`search("stun"); return showing()`))
	require.Equal(t, "IPv4 UDP STUN", b.says(timeline+`root.querySelector(".event").click();
		return [...root.querySelectorAll(".detail h5")].slice(0, 3).map((h) => h.textContent).join(" ")`))
	require.Regexp(t, `Binding request.*SOFTWAREproxyspec`, b.says(timeline+`return root.querySelector(".detail").textContent.replaceAll("\n", " ")`))
	require.Regexp(t, `^[1-9]\d* of \d+ events$`, b.says(timeline+`search(""); root.querySelector("button[data-kind=packet]").click(); return showing()`))
	b.eval(timeline + `root.querySelector(".events").focus()`)
	b.press("Home")
	require.Regexp(t, `^#\d+ at 0\.`, b.says(timeline+`return head()`))
	require.Equal(t, "true", b.says(timeline+`root.querySelector("button[data-do=in]").click();
		const c = root.querySelector("canvas.lanes"), pixels = c.getContext("2d").getImageData(0, 0, c.width, c.height).data;
		return pixels.some((v) => v > 0)`))
	require.Empty(t, b.console)
}

// TestPagesWithoutScripts shows nothing that only a script could make work, and says what is missing.
func TestPagesWithoutScripts(t *testing.T) {
	b := openTab(t)
	b.call("Emulation.setScriptExecutionDisabled", map[string]any{"value": true}, nil)
	index := write(t, sample())
	var page bytes.Buffer
	require.NoError(t, reports.Page(&page, sample(), sample().Cases[1]))
	file := filepath.Join(t.TempDir(), "case.html")
	require.NoError(t, os.WriteFile(file, page.Bytes(), 0o644))
	const shown = `return [...document.querySelectorAll("button, input, canvas, .events, [data-packed]")].filter((e) => e.checkVisibility()).length + ""`
	b.open(index, "")
	require.Equal(t, "0", b.says(shown))
	b.open(file, "")
	require.Equal(t, "0", b.says(shown))
	require.Contains(t, b.says(`return document.getElementById("timeline").innerText`), "A script draws it, and scripts are off.")
}

func TestCasePageOfEveryOutcome(t *testing.T) {
	run := sample()
	for _, c := range run.Cases {
		var b bytes.Buffer
		require.NoError(t, reports.Page(&b, run, c), c.ID)
		require.True(t, strings.Contains(b.String(), string(c.Outcome)), c.ID)
	}
}

func TestCasePageNamesStandIns(t *testing.T) {
	page := func(c result.Case) string {
		var b bytes.Buffer
		require.NoError(t, reports.Page(&b, sample(), c))
		return b.String()
	}
	c := sample().Cases[1]
	require.False(t, strings.Contains(page(c), `id="addresses"`), "on the virtual network there are none")
	c.Hosts = slices.Clone(c.Hosts)
	i := slices.IndexFunc(c.Hosts, func(h result.Host) bool { return h.Name == "relay-1" })
	c.Hosts[i].StandIns = []netip.Addr{netip.MustParseAddr("192.0.2.138")}
	text := page(c)
	require.True(t, strings.Contains(text, "<tr><td>relay-1</td><td>23.236.115.138</td><td>192.0.2.138</td></tr>"))
	require.True(t, strings.Contains(text, ">as 192.0.2.138</text>"), "below the relay's address in the diagram")
}
