package turn

import (
	"errors"
	"net/netip"
	"time"
)

// user is what all allocations of one username share. There is one as long as there is anything of it.
type user struct {
	name     string
	held     int // allocations, ports that are being opened, and ports that wait for their token
	up, down pace
}

// maxDatagram is the longest payload that there is.
const maxDatagram = 0xFFFF

// pace limits the bytes of one direction: a token bucket that holds a second's worth, or one packet if that is more.
type pace struct {
	tokens float64 // bytes
	at     time.Time
}

// allows takes n bytes, if there are as many.
func (p *pace) allows(now time.Time, perSecond, n int) bool {
	if perSecond == 0 {
		return true
	}
	full := float64(max(perSecond, maxDatagram))
	if p.at.IsZero() { // whoever starts anew all the time gets no more than that
		p.tokens = maxDatagram
	} else if passed := now.Sub(p.at); passed > 0 {
		p.tokens = min(full, p.tokens+passed.Seconds()*float64(perSecond))
	}
	p.at = now
	if p.tokens < float64(n) {
		return false
	}
	p.tokens -= float64(n)
	return true
}

// Why an Allocate was refused a port, as OverQuota and NoCapacity have it, and a peer, as PeerRefused has it.
var (
	ErrUserQuota   = errors.New("the user holds as many ports as one may")
	ErrSourceQuota = errors.New("the client's address holds as many ports as one may")
	ErrFull        = errors.New("the server has as many allocations as it may")
	ErrDraining    = errors.New("the server is being shut down")
	ErrReservation = errors.New("no port is reserved under that token")
	ErrPeers       = errors.New("the allocation has as many permissions, or channels, as one may")
)

// take counts one more port of a user's and a source's, if the quotas allow it. The server is for one goroutine, and
// a port is counted before it is opened: so nobody gets more by asking for many at once.
func (s *Server) take(username string, source netip.Addr) (*user, error) {
	u := s.users[username]
	switch {
	case s.cfg.Quota > 0 && u != nil && u.held >= s.cfg.Quota:
		return nil, ErrUserQuota
	case s.cfg.SourceQuota > 0 && s.sources[source] >= s.cfg.SourceQuota:
		return nil, ErrSourceQuota
	case s.cfg.MaxAllocations > 0 && s.held >= s.cfg.MaxAllocations:
		return nil, ErrFull
	}
	if u == nil {
		u = &user{name: username}
		s.users[username] = u
	}
	u.held++
	s.sources[source]++
	s.held++
	return u, nil
}

// release gives a port back.
func (s *Server) release(u *user, source netip.Addr) {
	s.held--
	if u.held--; u.held == 0 {
		delete(s.users, u.name)
	}
	if s.sources[source]--; s.sources[source] == 0 {
		delete(s.sources, source)
	}
}
