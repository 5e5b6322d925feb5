package tcp

import "slices"

// scoreboard is what the peer has of what was sent, as its selective acknowledgements tell (RFC 6675, 3): sorted ranges, no
// two of which touch.
type scoreboard []Range

// mostScores bounds the ranges: only a peer that means harm has more, and what it says then is forgotten.
const mostScores = 2048

// take adds what an acknowledgement says, and reports whether any of it is news. What lies outside of what is under way is
// a segment that came twice (RFC 2883), or a lie.
func (b *scoreboard) take(una, max uint32, said []Range) (news bool) {
	for _, r := range said {
		if r.From = maxSeq(r.From, una); before(r.From, r.To) && !before(max, r.To) {
			news = b.add(r) || news
		}
	}
	return news
}

func (b *scoreboard) add(r Range) bool {
	first := 0
	for first < len(*b) && before((*b)[first].To, r.From) {
		first++
	}
	last := first // one past those that touch it
	for last < len(*b) && !before(r.To, (*b)[last].From) {
		last++
	}
	if first < last {
		known := (*b)[first]
		if !before(r.From, known.From) && !before(known.To, r.To) {
			return false
		}
		r.To = maxSeq(r.To, (*b)[last-1].To)
		if before(known.From, r.From) {
			r.From = known.From
		}
	} else if len(*b) == mostScores {
		return false
	}
	*b = slices.Replace(*b, first, last, r)
	return true
}

// reached forgets what lies before una.
func (b *scoreboard) reached(una uint32) {
	done := 0
	for done < len(*b) && !before(una, (*b)[done].To) {
		done++
	}
	if *b = slices.Delete(*b, 0, done); len(*b) > 0 {
		(*b)[0].From = maxSeq((*b)[0].From, una)
	}
}

// lost is the edge below which whatever the peer doesn't have is lost: above it there are three ranges that it has, or more
// than two segments of data (IsLost of RFC 6675, 4). Without such an edge it is una.
func (b scoreboard) lost(una uint32, mss int) uint32 {
	size := 0
	for i := len(b) - 1; i >= 0; i-- {
		if size += int(b[i].To - b[i].From); len(b)-i >= threeDuplicates || size > (threeDuplicates-1)*mss {
			return b[i].From
		}
	}
	return una
}

// top is the beginning of the last range, or una.
func (b scoreboard) top(una uint32) uint32 {
	if len(b) == 0 {
		return una
	}
	return b[len(b)-1].From
}

// hole is the first part from a number on that the peer doesn't have, up to the range after it, or to end.
func (b scoreboard) hole(from, end uint32) Range {
	for _, r := range b {
		if before(from, r.From) {
			return Range{from, r.From}
		}
		from = maxSeq(from, r.To)
	}
	return Range{from, maxSeq(from, end)}
}

// pipe is how much is under way from una up to end (RFC 6675, 4): what the peer doesn't have and isn't lost, and what was
// sent again.
func (b scoreboard) pipe(una, end, lost, resent uint32) (n int) {
	at := una
	hole := func(to uint32) {
		n += between(maxSeq(at, lost), to) + max(0, between(at, to)-between(maxSeq(at, resent), to))
	}
	for _, r := range b {
		if !before(r.From, end) {
			break
		}
		hole(r.From)
		at = r.To
	}
	hole(end)
	return n
}

// between is how much there is from one number up to another, if anything.
func between(from, to uint32) int { return int(max(0, int32(to-from))) }
