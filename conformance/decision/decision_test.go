package decision

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSequences(t *testing.T) {
	all := slices.Collect(Sequences(nil, 5))
	require.Len(t, all, 1+6+36+216+1296+7776, "with the empty one")
	seen := map[string]bool{}
	for i, s := range all {
		require.False(t, seen[Text(s)], Text(s))
		seen[Text(s)] = true
		require.True(t, i == 0 || len(all[i-1]) < len(s) || len(all[i-1]) == len(s) && slices.Compare(all[i-1], s) < 0, "in order")
	}
	require.Len(t, slices.Collect(Sequences([]Call{Join, Start}, 5)), 1+6+36+216)
}

// TestTable is the table of the requirements, cell by cell, in its own words.
func TestTable(t *testing.T) {
	in := map[string][]Call{"none": {Join}, "cloud": {Start, Join}, "self": {SetProxy, Join}}
	out := map[string][]Call{"none": {}, "cloud": {Start}, "self": {SetTurn}}
	errs, fine := true, false
	for _, c := range []struct {
		state map[string][]Call
		set   string
		call  Call
		want  Expectation
	}{
		{in, "none", Start, Expectation{errs, Should}}, {in, "none", SetProxy, Expectation{errs, Should}}, {in, "none", Stop, Expectation{errs, Should}},
		{in, "cloud", Start, Expectation{errs, Should}}, {in, "cloud", SetTurn, Expectation{errs, Should}}, {in, "cloud", Stop, Expectation{errs, Should}},
		{in, "self", Start, Expectation{errs, Should}}, {in, "self", SetProxy, Expectation{errs, Should}}, {in, "self", Stop, Expectation{errs, Should}},
		{out, "none", Start, Expectation{fine, Must}}, {out, "none", SetProxy, Expectation{fine, Must}}, {out, "none", Stop, Expectation{fine, Must}},
		{out, "cloud", Start, Expectation{fine, Should}}, {out, "cloud", SetProxy, Expectation{errs, Must}}, {out, "cloud", Stop, Expectation{fine, Must}},
		{out, "self", Start, Expectation{errs, Must}}, {out, "self", SetTurn, Expectation{fine, Must}}, {out, "self", Stop, Expectation{fine, Must}},
	} {
		sequence := append(slices.Clone(c.state[c.set]), c.call)
		got := Expect(sequence, true)
		require.Equal(t, c.want, got[len(got)-1], Text(sequence))
	}
}

func TestExpect(t *testing.T) {
	for _, c := range []struct {
		why      string
		waiting  bool
		sequence []Call
		want     Expectation // of the last call
	}{
		{"a refused start has set nothing", true, []Call{Join, Start, Leave, SetProxy}, Expectation{false, Must}},
		{"a refused stop has cleared nothing", true, []Call{Start, Join, Stop, Leave, SetProxy}, Expectation{true, Must}},
		{"a conflict survives join and leave", true, []Call{SetTurn, Join, Leave, Start}, Expectation{true, Must}},
		{"a refused set leaves the cloud on", true, []Call{Start, SetProxy, SetTurn}, Expectation{true, Must}},
		{"a refused start leaves the sets", true, []Call{SetProxy, Start, Start}, Expectation{true, Must}},
		{"stop clears", true, []Call{SetProxy, SetTurn, Stop, Start}, Expectation{false, Must}},
		{"leave while outside changes nothing", true, []Call{Leave, Start}, Expectation{false, Must}},
		{"a second join changes nothing", true, []Call{Start, Join, Join, Stop}, Expectation{true, Should}},
		{"what a set while joined does is no MUST", true, []Call{Join, SetProxy, Leave, Start}, Expectation{false, Should}},
		{"but stop settles it", true, []Call{Join, SetProxy, Leave, Stop, Start}, Expectation{false, Must}},
		{"what a second start does is no MUST", true, []Call{Start, Start, SetProxy}, Expectation{true, Should}},
		{"still connecting is in", false, []Call{Start, Join, Stop}, Expectation{true, Should}},
		{"after a leave while connecting nothing is judged", false, []Call{Start, Join, Leave, Stop}, Expectation{}},
		{"a leave while outside is no such leave", false, []Call{Leave, Start, SetProxy}, Expectation{true, Must}},
	} {
		got := Expect(c.sequence, c.waiting)
		require.Equal(t, c.want, got[len(got)-1], "%s: %s", c.why, Text(c.sequence))
	}
}

// sdk is an SDK that goes by a table of its own, written as the requirements print it: per state and
// setting, what each method leaves set, and whether it errors. A change of one cell is a broken SDK.
type sdk map[cell]outcome

type cell struct {
	in   bool
	set  setting
	call Call
}

type outcome struct {
	set setting
	err bool
}

func sound() sdk {
	table := sdk{}
	for _, set := range []setting{none, cloud, self} {
		for _, call := range []Call{Start, Stop, SetProxy, SetTurn} {
			table[cell{true, set, call}] = outcome{set, true}
		}
		table[cell{false, set, Stop}] = outcome{none, false}
	}
	table[cell{false, none, Start}] = outcome{cloud, false}
	table[cell{false, cloud, Start}] = outcome{cloud, false}
	table[cell{false, self, Start}] = outcome{self, true}
	for _, call := range []Call{SetProxy, SetTurn} {
		table[cell{false, none, call}] = outcome{self, false}
		table[cell{false, self, call}] = outcome{self, false}
		table[cell{false, cloud, call}] = outcome{cloud, true}
	}
	return table
}

func (s sdk) replies(sequence []Call) (replies []Reply) {
	in, set := false, none
	for _, call := range sequence {
		switch call {
		case Join:
			in = true
		case Leave:
			in = false
		default:
			o := s[cell{in, set, call}]
			set = o.set
			replies = append(replies, Reply{Error: o.err})
			continue
		}
		replies = append(replies, Reply{})
	}
	return replies
}

func (s sdk) run(waiting bool, length int) (t Tally) {
	for sequence := range Sequences(nil, length) {
		t.Add(sequence, waiting, s.replies(sequence))
	}
	return t
}

// deciding says whether a cell of the table is marked M for what it leaves set, and for its error.
func deciding(c cell) (set, err bool) {
	switch {
	case c.in:
		return c.call == Start || c.call == Stop, false
	case c.set == cloud && c.call == Start:
		return false, false
	}
	return true, true
}

// TestEveryCellIsJudged breaks each cell in each way: a cell that decides must be found, and one that doesn't
// must never decide, whatever else is wrong because of it.
func TestEveryCellIsJudged(t *testing.T) {
	for _, waiting := range []bool{true, false} {
		tally := sound().run(waiting, 5)
		require.Zero(t, tally.Decide)
		require.Zero(t, tally.Listed)
	}
	broken := 0
	for at, right := range sound() {
		for _, set := range []setting{none, cloud, self} {
			for _, err := range []bool{true, false} {
				wrong := outcome{set, err}
				if wrong == right {
					continue
				}
				broken++
				table := sound()
				table[at] = wrong
				decidesSet, decidesErr := deciding(at)
				must := decidesSet && wrong.set != right.set || decidesErr && wrong.err != right.err
				tally := table.run(true, 5)
				name := fmt.Sprintf("%+v: %+v instead of %+v", at, wrong, right)
				require.Equal(t, must, tally.Decide > 0, "%s: %v", name, tally.First)
				require.Positive(t, tally.Decide+tally.Listed, name)
				if tally.First != nil {
					require.LessOrEqual(t, len(tally.First.Sequence), 5, name)
				}
			}
		}
	}
	require.Equal(t, 24*5, broken)
}

func TestShortestIsFirst(t *testing.T) {
	table := sound()
	table[cell{true, none, Start}] = outcome{cloud, true} // errors, and turns the cloud on all the same
	tally := table.run(true, 5)
	require.Equal(t, "join, startProxyServer, leave, setProxyServer: call 4, setProxyServer, returned an error, not normally", tally.First.String())
}
