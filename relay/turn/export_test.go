package turn

import (
	"fmt"
	"net/netip"
	"time"
)

// Sound checks what always holds of a server's tables, whatever was sent to it.
func (s *Server) Sound(now time.Time) error {
	users, sources, due := map[string]int{}, map[netip.Addr]int{}, 0
	hold := func(u *user, source netip.Addr) {
		users[u.name]++
		sources[source]++
	}
	for at, a := range s.allocations {
		hold(a.user, at.Client.Addr())
		due++
		switch {
		case at != a.Client.FiveTuple || a.socket.allocation != a || a.socket.next != nil || a.user.name != a.Username:
			return fmt.Errorf("allocation %d is not where it says", a.ID)
		case a.deadline.place == 0 || !a.deadline.at.After(now) || a.deadline.at.After(now.Add(s.cfg.MaxLifetime)):
			return fmt.Errorf("allocation %d ends at %v, and it is %v", a.ID, a.deadline.at, now)
		case len(a.permissions) > s.cfg.MaxPeers, len(a.channels) > s.cfg.MaxPeers, len(a.channels) != len(a.bound):
			return fmt.Errorf("allocation %d has %d permissions, %d channels, %d bound peers", a.ID, len(a.permissions), len(a.channels), len(a.bound))
		}
		for n, c := range a.channels {
			if c.number != n || a.bound[c.peer] != c || n < firstChannel || n > lastChannel || c.expires.After(now.Add(ChannelLifetime)) {
				return fmt.Errorf("allocation %d: channel %#x is %+v", a.ID, n, c)
			}
		}
		for peer, expires := range a.permissions {
			if !s.cfg.Permit(peer) || expires.After(now.Add(PermissionLifetime)) {
				return fmt.Errorf("allocation %d: permission for %v until %v", a.ID, peer, expires)
			}
		}
		if a.up.in != plus(a.up.out, a.up.dropped) || a.down.in != plus(a.down.out, a.down.dropped) {
			return fmt.Errorf("allocation %d: up %+v, down %+v", a.ID, a.up, a.down)
		}
	}
	for at, o := range s.opening {
		hold(o.user, at.Client.Addr())
		if o.socket.next != nil {
			hold(o.user, at.Client.Addr())
		}
	}
	for token, r := range s.reservations {
		hold(r.user, r.source)
		due++
		if r.token != token || r.deadline.place == 0 || !r.deadline.at.After(now) || r.socket.allocation != nil {
			return fmt.Errorf("reservation of %v ends at %v, and it is %v", r.socket.at, r.deadline.at, now)
		}
	}
	held := 0
	for name, n := range users {
		held += n
		if u := s.users[name]; u == nil || u.held != n || s.cfg.Quota > 0 && n > s.cfg.Quota {
			return fmt.Errorf("user %s holds %d ports, and %+v are counted", name, n, u)
		}
	}
	for source, n := range sources {
		if s.sources[source] != n || s.cfg.SourceQuota > 0 && n > s.cfg.SourceQuota {
			return fmt.Errorf("%v holds %d ports, and %d are counted", source, n, s.sources[source])
		}
	}
	if held != s.held || len(users) != len(s.users) || len(sources) != len(s.sources) || due != len(s.deadlines) ||
		s.cfg.MaxAllocations > 0 && held > s.cfg.MaxAllocations {
		return fmt.Errorf("%d ports of %d users and %d sources, %d deadlines; counted are %d, %d, %d, %d",
			held, len(users), len(sources), due, s.held, len(s.users), len(s.sources), len(s.deadlines))
	}
	for i, d := range s.deadlines {
		if d.place != i+1 || i > 0 && s.deadlines.Less(i, (i-1)/2) {
			return fmt.Errorf("deadline %d is out of order", i)
		}
	}
	return nil
}

func plus(a, b Traffic) Traffic { return Traffic{a.Packets + b.Packets, a.Bytes + b.Bytes} }

// Read reads a message for FuzzMessage.
func Read(raw []byte) (fields int, authentic bool, ok bool) {
	var m message
	if !m.read(raw) {
		return 0, false, false
	}
	m.unknown(false)
	for _, a := range m.attributes {
		m.peer(a.value)
	}
	return len(m.attributes), m.integrity != nil && m.authentic([]byte("key")), true
}
