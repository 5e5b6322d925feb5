// Package shard divides a run among machines that don't speak with each other: each takes its shard of the cases, and
// all of them together take every case once.
//
// Find says which shard this machine is, Split gives its cases. The division depends on the cases and on what they
// cost when somebody last measured it, which is part of the program, and on nothing else.
package shard

import (
	"bufio"
	"cmp"
	_ "embed"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Shard is one part of several. The zero value is the whole.
type Shard struct{ Index, Count int } // Index from 1

// String is a shard as --shard takes it, "2/5"; the whole is "".
func (s Shard) String() string {
	if s.Count == 0 {
		return ""
	}
	return fmt.Sprintf("%d/%d", s.Index, s.Count)
}

// Find reads --shard: "I/N", or "env" for what a CI server says about itself: CI_NODE_INDEX, from 1, with
// CI_NODE_TOTAL, or JOB_COMPLETION_INDEX, from 0, with JOB_COMPLETIONS, which a Kubernetes Indexed Job must set.
func Find(text string, env func(string) string) (Shard, error) {
	switch text {
	case "":
		return Shard{}, nil
	case "env":
		for _, ci := range []struct {
			index, count string
			from         int
		}{{"CI_NODE_INDEX", "CI_NODE_TOTAL", 1}, {"JOB_COMPLETION_INDEX", "JOB_COMPLETIONS", 0}} {
			index, count := env(ci.index), env(ci.count)
			if index == "" {
				continue
			}
			if count == "" {
				return Shard{}, fmt.Errorf("%s is set, but %s isn't: it must say how many shards there are", ci.index, ci.count)
			}
			i, err := strconv.Atoi(index)
			if err != nil {
				return Shard{}, fmt.Errorf("%s must be a number, not %q", ci.index, index)
			}
			return parse(fmt.Sprintf("%d/%s", i-ci.from+1, count))
		}
		return Shard{}, errors.New("neither CI_NODE_INDEX nor JOB_COMPLETION_INDEX is set")
	}
	return parse(text)
}

func parse(text string) (Shard, error) {
	index, count, _ := strings.Cut(text, "/")
	i, err := strconv.Atoi(index)
	n, err2 := strconv.Atoi(count)
	if err != nil || err2 != nil || i < 1 || i > n {
		return Shard{}, fmt.Errorf("a shard is I/N with I from 1 to N, such as 2/5, not %q", text)
	}
	return Shard{i, n}, nil
}

// costs has a line for each case: what it costs in milliseconds, and its ID.
//
//go:embed costs.txt
var costs string

// Split is the cases of a shard, in their order, whatever a case is: id names it. The costliest case goes first to the shard that has least to do, and
// so on: no shard has more than a third above what is fair (Graham 1969), unless one case alone has.
func Split[Case any](s Shard, cases []Case, id func(Case) string) []Case {
	if s.Count < 2 {
		return cases
	}
	known := recorded()
	order := make([]int, len(cases))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(i, j int) int {
		a, b := id(cases[i]), id(cases[j])
		return cmp.Or(cmp.Compare(cost(known, b), cost(known, a)), cmp.Compare(a, b))
	})
	load := make([]int, s.Count)
	var mine []int
	for _, i := range order {
		least := slices.Index(load, slices.Min(load))
		load[least] += cost(known, id(cases[i]))
		if least == s.Index-1 {
			mine = append(mine, i)
		}
	}
	slices.Sort(mine)
	chosen := make([]Case, 0, len(mine))
	for _, i := range mine {
		chosen = append(chosen, cases[i])
	}
	return chosen
}

// usualCost is that of a case that nobody has measured, in milliseconds: about the median.
const usualCost = 30

func cost(known map[string]int, id string) int {
	if ms, ok := known[id]; ok {
		return max(1, ms)
	}
	return usualCost
}

// Costs says what a case costs, by its ID, in milliseconds.
func Costs() func(id string) int {
	known := recorded()
	return func(id string) int { return cost(known, id) }
}

func recorded() map[string]int {
	known := make(map[string]int)
	lines := bufio.NewScanner(strings.NewReader(costs))
	for lines.Scan() {
		ms, id, _ := strings.Cut(lines.Text(), " ")
		if n, err := strconv.Atoi(ms); err == nil {
			known[id] = n
		}
	}
	return known
}
