package suite_test

import (
	"bytes"
	"flag"
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

var browserCost = flag.Bool("browser.cost", false, "measure what a browser costs, on a quiet machine")

// TestBrowserCostsLittle measures how long a browser takes to start, and scenarios in it, and how much memory it has. A
// scenario of the API's rules is over before a page could be made for the next: it is measured where there are spare
// pages, after scenarios that wait as most do, and where so many follow each other that there are none: that is the start
// of the page's process, and is printed only. So is what the whole browser takes, which isn't the one to use.
func TestBrowserCostsLittle(t *testing.T) {
	if !*browserCost {
		t.Skip("a measurement: make soak-browser")
	}
	needBrowser(t)
	program, err := browser.Find()
	require.NoError(t, err)
	const (
		rule  = "api/mixing/startproxyserver-after-setproxyserver-errors"
		media = "api/stop/when-it-is-refused-it-clears-nothing-of-startproxyserver" // two joins, and media through a relay
	)
	all := aboutSDK(t, "")
	var tasks []runner.Task
	add := func(n int, id string) {
		at := slices.IndexFunc(all, func(c selection.Case) bool { return c.ID == id })
		require.GreaterOrEqual(t, at, 0, id)
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
	most := watchMemory(t)
	var medias, rules, crowded []time.Duration
	cases := onKernel(t, 1, tasks)
	for i, c := range cases {
		require.Equal(t, result.Pass, c.Outcome, "%s: %v", c.ID, c.Failure)
		switch {
		case c.ID == media:
			medias = append(medias, c.Wall)
		case i >= rested+5:
			crowded = append(crowded, c.Wall)
		case i > 0 && i < rested:
			rules = append(rules, c.Wall)
		}
	}
	first := cases[0].Wall
	t.Logf("%s: a browser and its first scenario: %v; a scenario of the API's rules: %v, one of many in a row: %v; one with media: %v; memory: %d MB",
		program, first.Round(time.Millisecond), median(rules).Round(time.Millisecond), median(crowded).Round(time.Millisecond),
		median(medias).Round(time.Millisecond), most()>>20)
	require.Less(t, first, 5*time.Second)
	require.Less(t, median(medias), 3*time.Second)
	if strings.Contains(program, "headless") {
		require.Less(t, median(rules), 150*time.Millisecond)
	}
	require.Less(t, most(), 600<<20)
}

func median(walls []time.Duration) time.Duration {
	slices.Sort(walls)
	return walls[len(walls)/2]
}

// watchMemory looks now and then how much memory the browsers below this process have, each shared page counted once.
func watchMemory(t *testing.T) (most func() int) {
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
