package tcp

import "slices"

// Range is a part of the sequence space, from From up to but not including To.
type Range struct{ From, To uint32 }

// A header has room for so many ranges beside no other option (RFC 2018, 3).
const mostRanges = 4

// selective is what a receiver says of data that has come early (RFC 2018): a peer then knows which segments were lost, and
// need not send again what is here, or wait for its timer when a window has more than one hole.
type selective struct {
	permitted bool    // both ends have said so in their SYN
	ranges    []Range // the one that grew last is the first
}

// grew takes the news that a range has come to be, or reaches further than before.
func (s *selective) grew(r Range) {
	s.ranges = slices.DeleteFunc(s.ranges, func(old Range) bool { return !before(old.From, r.From) && !before(r.To, old.To) })
	s.ranges = slices.Insert(s.ranges, 0, r)
	s.ranges = s.ranges[:min(len(s.ranges), mostRanges)]
}

// reached forgets what lies before next, where the gaps are now closed.
func (s *selective) reached(next uint32) {
	s.ranges = slices.DeleteFunc(s.ranges, func(r Range) bool { return !before(next, r.To) })
}
