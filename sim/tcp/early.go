package tcp

import "slices"

// early is what has arrived out of order: payloads by sequence number, sorted, none overlapping
// another.
type early []span

type span struct {
	seq     uint32
	payload []byte
}

func (s span) end() uint32 { return s.seq + uint32(len(s.payload)) }

// mostEarly bounds the payloads that wait for one before them. A window of full segments has a few
// hundred; only a peer that means harm has more, and what is dropped it has to send again.
const mostEarly = 2048

// insert keeps those parts of a payload that aren't here yet.
func (e *early) insert(seq uint32, payload []byte) {
	at := len(*e) // most come after all others
	for at > 0 && before(seq, (*e)[at-1].end()) {
		at--
	}
	// Every span before at ends at or before seq; from at on they may overlap the payload.
	for len(payload) > 0 && len(*e) < mostEarly {
		if at == len(*e) || !before((*e)[at].seq, seq+uint32(len(payload))) {
			*e = slices.Insert(*e, at, span{seq, payload})
			return
		}
		next := (*e)[at]
		if before(seq, next.seq) {
			n := next.seq - seq
			*e = slices.Insert(*e, at, span{seq, payload[:n:n]})
			at++
		}
		covered := next.end() - seq
		if covered >= uint32(len(payload)) {
			return
		}
		seq, payload = seq+covered, payload[covered:]
		at++
	}
}

// around is the unbroken range of payloads that has seq in it.
func (e early) around(seq uint32) (r Range, found bool) {
	at := len(e) - 1
	for at >= 0 && before(seq, e[at].seq) {
		at--
	}
	if at < 0 || !before(seq, e[at].end()) {
		return r, false
	}
	first, last := at, at
	for first > 0 && e[first-1].end() == e[first].seq {
		first--
	}
	for last < len(e)-1 && e[last+1].seq == e[last].end() {
		last++
	}
	return Range{e[first].seq, e[last].end()}, true
}

// next takes the payload that continues at seq, trimmed to begin there; nil when there is none.
func (e *early) next(seq uint32) []byte {
	for len(*e) > 0 && !before(seq, (*e)[0].seq) {
		first := (*e)[0]
		(*e)[0] = span{}
		*e = (*e)[1:]
		if before(seq, first.end()) {
			return first.payload[seq-first.seq:]
		}
	}
	if len(*e) == 0 {
		*e = nil
	}
	return nil
}
