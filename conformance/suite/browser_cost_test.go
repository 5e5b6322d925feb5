package suite_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/conformance/browser"
	"github.com/proxyspec/proxyspec/conformance/result"
	"github.com/proxyspec/proxyspec/conformance/runner"
	"github.com/proxyspec/proxyspec/conformance/selection"
	"github.com/proxyspec/proxyspec/conformance/suite"
)

// BenchmarkBrowser prints how long a browser takes to start, and scenarios in it, and how much memory it has. A scenario of
// the API's rules is over before a page could be made for the next: it is measured where there are spare pages, after
// scenarios that wait as most do, and where so many follow each other that there are none: that is the start of the page's
// process.
func BenchmarkBrowser(b *testing.B) {
	needBrowser(b)
	program, err := browser.Find()
	require.NoError(b, err)
	const (
		rule  = "api/mixing/startproxyserver-after-setproxyserver-errors"
		media = "api/stop/when-it-is-refused-it-clears-nothing-of-startproxyserver" // two joins, and media through a relay
	)
	all := aboutSDK(b, "")
	var tasks []runner.Task
	add := func(n int, id string) {
		at := slices.IndexFunc(all, func(c selection.Case) bool { return c.ID == id })
		require.GreaterOrEqual(b, at, 0, id)
		for range n {
			tasks = append(tasks, runner.Task{Case: all[at], SDK: suite.Suite().WebSDK})
		}
	}
	add(1, rule)
	for range 5 {
		add(1, media)
		add(2, rule)
	}
	rested := len(tasks)
	add(10, rule)
	most := watchMemory(b)
	var medias, rules, crowded []time.Duration
	first := time.Duration(0)
	for range b.N {
		for i, c := range onKernel(b, 1, tasks) {
			require.Equal(b, result.Pass, c.Outcome, "%s: %v", c.ID, c.Failure)
			switch {
			case i == 0:
				first = max(first, c.Wall)
			case c.ID == media:
				medias = append(medias, c.Wall)
			case i >= rested+5:
				crowded = append(crowded, c.Wall)
			case i < rested:
				rules = append(rules, c.Wall)
			}
		}
	}
	b.Log(program)
	b.ReportMetric(first.Seconds(), "s-start-and-first")
	b.ReportMetric(median(rules).Seconds()*1000, "ms-rule")
	b.ReportMetric(median(crowded).Seconds()*1000, "ms-rule-of-many-in-a-row")
	b.ReportMetric(median(medias).Seconds(), "s-media")
	b.ReportMetric(float64(most()>>20), "MiB")
	b.ReportMetric(0, "ns/op")
}

func median(walls []time.Duration) time.Duration {
	slices.Sort(walls)
	return walls[len(walls)/2]
}

// watchMemory looks now and then how much memory the browsers below this process have, each shared page counted once.
func watchMemory(t testing.TB) (most func() int) {
	top := 0
	end, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			top = max(top, browserMemory())
			select {
			case <-end:
				return
			case <-time.After(200 * time.Millisecond):
			}
		}
	}()
	stop := sync.OnceFunc(func() { close(end); <-ended })
	t.Cleanup(stop)
	return func() int { stop(); return top }
}

// browserMemory is the proportional set size of all Chromium processes that come from this one.
func browserMemory() (sum int) {
	parents, browsers := map[string]string{}, []string{}
	folders, _ := filepath.Glob("/proc/[0-9]*")
	for _, folder := range folders {
		stat, err := os.ReadFile(folder + "/stat")
		name, rest, cut := strings.Cut(string(stat), ") ")
		if err != nil || !cut {
			continue // it has ended meanwhile
		}
		pid := filepath.Base(folder)
		parents[pid] = strings.Fields(rest)[1]
		if strings.Contains(name, "(chrom") || strings.HasSuffix(name, "(headless_shell") { // the kernel keeps 15 letters
			browsers = append(browsers, pid)
		}
	}
	for _, pid := range browsers {
		for at := pid; at != ""; at = parents[at] {
			if at != fmt.Sprint(os.Getpid()) {
				continue
			}
			text, _ := os.ReadFile("/proc/" + pid + "/smaps_rollup")
			for line := range bytes.Lines(text) {
				if kB, isPss := bytes.CutPrefix(line, []byte("Pss:")); isPss {
					n, _ := strconv.Atoi(strings.Fields(string(kB))[0])
					sum += n << 10
				}
			}
		}
	}
	return sum
}
