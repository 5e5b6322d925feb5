package reports_test

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestPageInChromium lets a browser run the page's script: a packed ladder is drawn when a link opens its case, and a
// filter and a search leave what they should.
func TestPageInChromium(t *testing.T) {
	if testing.Short() {
		t.Skip("a browser takes seconds to start")
	}
	chromium := findChromium()
	if chromium == "" {
		t.Skip("no chromium on this machine")
	}
	const script = `<script>
addEventListener("load", () => setTimeout(() => {
  const say = (text) => { const p = document.createElement("p"); p.textContent = "said: " + text; document.body.append(p); };
  const list = document.getElementById("scenarios");
  const shown = () => list.querySelectorAll("[data-item]:not([hidden])").length + " " + list.querySelector(".showing").textContent;
  const opened = document.getElementById("case-sample/case-01");
  say("opened " + opened.open + ", drawn " + !!opened.querySelector("svg .phase.p4"));
  list.querySelector("button.fail").click();
  say("failed " + shown());
  list.querySelector("input").value = "MEETING room";
  list.querySelector("input").dispatchEvent(new Event("input"));
  say("found " + shown());
  list.querySelector("button.fail").click();
  list.querySelector("input").value = "";
  list.querySelector("input").dispatchEvent(new Event("input"));
  say("all " + shown());
}, 500));
</script>`
	dir := t.TempDir()
	file := filepath.Join(dir, "index.html")
	page := strings.Replace(pageOf(t, sample()), "</body>", script+"</body>", 1)
	require.NoError(t, os.WriteFile(file, []byte(page), 0o644))

	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, chromium, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
		"--disable-background-networking", "--disable-component-update", "--disable-sync",
		"--user-data-dir="+filepath.Join(dir, "profile"), "--virtual-time-budget=5000", "--dump-dom",
		"file://"+file+"#case-sample%2fcase-01")
	cmd.Env = append(os.Environ(), "HOME="+dir, "TMPDIR="+dir)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	dom, err := cmd.Output()
	require.NoError(t, err, stderr.String())
	require.Equal(t, []string{"opened true, drawn true", "failed 2 2 of 10", "found 1 1 of 10", "all 10 "},
		submatches(`<p>said: ([^<]*)</p>`, string(dom)))
}

// findChromium prefers the program itself to Debian's wrapper script.
func findChromium() string {
	for _, name := range []string{"/usr/lib/chromium/chromium", "chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return ""
}
