package turn

import (
	"hash/maphash"
	"net/netip"
	"time"
)

// strangers is a budget for answers over UDP to sources that have shown neither that they are where they say nor who
// they are. Whoever sends such requests in a victim's name gets this much out of the server, and no more.
//
// Nothing is kept of any source: sources share a fixed number of purses by a secret hash. Two that share one share
// its answers, for as long as a client's next attempt takes.
type strangers struct {
	seed   maphash.Seed
	purses []purse
}

type purse struct {
	answers float32
	at      int64 // Unix time, ns; 0: never used
}

const (
	pursesCount = 4096
	// strangerBurst is for an office whose people all arrive at nine, behind one address.
	strangerBurst = 1000
)

// answers says whether one more answer may go to a source.
func (s *strangers) answers(now time.Time, source netip.Addr, perSecond int) bool {
	if perSecond <= 0 {
		return true
	}
	if s.purses == nil {
		s.seed, s.purses = maphash.MakeSeed(), make([]purse, pursesCount)
	}
	ip := source.As16()
	if source.Is6() {
		clear(ip[8:]) // whoever has one address of a /64 has them all
	}
	p := &s.purses[maphash.Bytes(s.seed, ip[:])%pursesCount]
	at := now.UnixNano()
	full := float32(max(strangerBurst, perSecond))
	if p.at == 0 {
		p.answers = full
	} else if passed := at - p.at; passed > 0 {
		p.answers = min(full, p.answers+float32(passed)/float32(time.Second)*float32(perSecond))
	}
	p.at = at
	if p.answers < 1 {
		return false
	}
	p.answers--
	return true
}
