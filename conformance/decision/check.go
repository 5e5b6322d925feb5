package decision

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Reply is what came of a call.
type Reply struct {
	Missing bool // it did not return in time
	Error   bool
}

// Mismatch is a call of a sequence that did not go by the table.
type Mismatch struct {
	Sequence []Call
	Waiting  bool
	At       int // index of the call
	Expected Expectation
	Got      Reply
}

// Check is the first call of a sequence that did not go by a cell which decides, or else the first that did
// not go by any; nil if there is none.
func Check(sequence []Call, waiting bool, replies []Reply) *Mismatch {
	var listed *Mismatch
	for i, e := range Expect(sequence, waiting) {
		if e.Level == Open || !replies[i].Missing && replies[i].Error == e.Error {
			continue
		}
		m := &Mismatch{Sequence: sequence, Waiting: waiting, At: i, Expected: e, Got: replies[i]}
		if e.Level == Must {
			return m
		}
		if listed == nil {
			listed = m
		}
	}
	return listed
}

// String is the sequence and what is wrong with it: "startProxyServer, setProxyServer: setProxyServer
// returned normally, not an error".
func (m *Mismatch) String() string {
	got, want := "an error", "normally"
	if !m.Got.Error {
		got = "normally"
	}
	if m.Got.Missing {
		got = "nothing in time"
	}
	if m.Expected.Error {
		want = "an error"
	}
	how := ""
	if !m.Waiting {
		how = ", without waiting"
	}
	return fmt.Sprintf("%s%s: call %d, %s, returned %s, not %s", Text(m.Sequence), how, m.At+1, m.Sequence[m.At], got, want)
}

// Text is a sequence in words.
func Text(sequence []Call) string {
	words := make([]string, len(sequence))
	for i, c := range sequence {
		words[i] = c.String()
	}
	return strings.Join(words, ", ")
}

// Tally is the mismatches of many sequences: the smallest of those that decide and of those that don't, and
// how many there are. Of those of one length the first that was added is the smallest.
type Tally struct {
	Checked        int
	Decide, Listed int
	First          *Mismatch   // that decides
	Examples       []*Mismatch // that don't: the smallest few, in order
}

const mostExamples = 10

// Add checks one more sequence.
func (t *Tally) Add(sequence []Call, waiting bool, replies []Reply) {
	t.Checked++
	m := Check(sequence, waiting, replies)
	switch {
	case m == nil:
	case m.Expected.Level == Must:
		t.Decide++
		if t.First == nil || len(m.Sequence) < len(t.First.Sequence) {
			t.First = m
		}
	default:
		t.Listed++
		t.Examples = append(t.Examples, m)
		slices.SortStableFunc(t.Examples, func(a, b *Mismatch) int { return cmp.Compare(len(a.Sequence), len(b.Sequence)) })
		t.Examples = t.Examples[:min(len(t.Examples), mostExamples)]
	}
}
