package shard

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/conformance/result"
)

var update = flag.String("update", "", "a report's folder: its cases' times become the recorded costs")

func TestCosts(t *testing.T) {
	if *update == "" {
		require.NotEmpty(t, recorded())
		return
	}
	text, err := os.ReadFile(filepath.Join(*update, "conformance.json"))
	require.NoError(t, err)
	var run result.Run
	require.NoError(t, json.Unmarshal(text, &run))
	var lines []string
	for _, c := range run.Cases {
		lines = append(lines, fmt.Sprintf("%d %s\n", max(1, c.Wall.Round(time.Millisecond).Milliseconds()), c.ID))
	}
	slices.SortFunc(lines, func(a, b string) int {
		return strings.Compare(strings.SplitN(a, " ", 2)[1], strings.SplitN(b, " ", 2)[1])
	})
	require.NoError(t, os.WriteFile("costs.txt", []byte(strings.Join(lines, "")), 0o644))
}

func TestSplitTakesEachCaseOnceAndIsFair(t *testing.T) {
	var cases []string
	total := 0
	for id, ms := range recorded() {
		cases = append(cases, id)
		total += ms
	}
	slices.Sort(cases)
	cases = append(cases, "own/never-measured")
	for _, n := range []int{1, 2, 3, 7, 1000} {
		seen := make(map[string]int)
		for i := range n {
			part := Split(Shard{i + 1, n}, cases, func(id string) string { return id })
			require.True(t, slices.IsSortedFunc(part, func(a, b string) int {
				return slices.Index(cases, a) - slices.Index(cases, b)
			}), "a shard keeps the suite's order")
			load, dearest := 0, 0
			for _, id := range part {
				seen[id]++
				load += cost(recorded(), id)
				dearest = max(dearest, cost(recorded(), id))
			}
			require.LessOrEqual(t, load, max(dearest, total/n*4/3+usualCost), "shard %d of %d", i+1, n)
		}
		require.Len(t, seen, len(cases))
		for id, times := range seen {
			require.Equal(t, 1, times, id)
		}
	}
}

func TestFind(t *testing.T) {
	for _, tt := range []struct {
		text string
		env  map[string]string
		want string
		err  string
	}{
		{text: "", want: ""},
		{text: "2/5", want: "2/5"},
		{text: "env", env: map[string]string{"CI_NODE_INDEX": "1", "CI_NODE_TOTAL": "4"}, want: "1/4"},
		{text: "env", env: map[string]string{"JOB_COMPLETION_INDEX": "0", "JOB_COMPLETIONS": "4"}, want: "1/4"},
		{text: "env", env: map[string]string{"JOB_COMPLETION_INDEX": "3", "JOB_COMPLETIONS": "4"}, want: "4/4"},
		{text: "env", env: map[string]string{"JOB_COMPLETION_INDEX": "4", "JOB_COMPLETIONS": "4"}, err: "from 1 to N"},
		{text: "env", env: map[string]string{"JOB_COMPLETION_INDEX": "4"}, err: "JOB_COMPLETIONS isn't"},
		{text: "env", err: "neither"},
		{text: "0/5", err: "from 1 to N"},
		{text: "6/5", err: "from 1 to N"},
		{text: "two", err: "such as 2/5"},
	} {
		s, err := Find(tt.text, func(name string) string { return tt.env[name] })
		if tt.err != "" {
			require.ErrorContains(t, err, tt.err)
			continue
		}
		require.NoError(t, err)
		require.Equal(t, tt.want, s.String())
	}
}
