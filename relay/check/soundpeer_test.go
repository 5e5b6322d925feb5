package check_test

import (
	"crypto/rand"
	"encoding/binary"
	"net"
	"net/netip"
	"slices"
	"time"
)

// peers is the transport addresses of a request; one that is malformed isn't valid.
func (q *asked) peers() (all []netip.AddrPort) {
	for _, a := range q.attributes {
		if a.kind == peerAt {
			all = append(all, q.peer(a.value))
		}
	}
	return all
}

// refusal is why a peer may not be reached, 0 if it may.
func (q *asked) refusal(at netip.AddrPort) int {
	s := q.tuple.server
	switch {
	case !at.IsValid() && s.is("takes malformed peers"):
		return 0
	case !at.IsValid():
		return 400
	case at.Addr().Is4In6() && s.is("unmaps peers"):
		return 0
	case at.Addr().Is6() && s.is("refuses addresses for documentation before it looks at their family"):
		return 403
	case at.Addr().Is6():
		return 443
	case at.Addr() == netip.MustParseAddr("127.0.0.3") && !(s.is("binds channels to forbidden peers") && q.method() == channelling) &&
		!s.is("forbids nobody"),
		at.Port() < 1024 && s.is("refuses channels to ports below 1024") && q.method() == channelling:
		return 403
	}
	return 0
}

// permit is RFC 8656, section 10.2.
func (q *asked) permit() {
	a := q.allocated()
	if a == nil {
		return
	}
	all := q.peers()
	if len(all) == 0 && !q.tuple.server.is("permits nobody") ||
		len(all) == 2 && all[0] == all[1] && q.tuple.server.is("refuses a peer that stands twice") {
		q.refuse(400)
		return
	}
	for i, at := range all {
		if code := q.refusal(at); code != 0 {
			if q.tuple.server.is("permits good peers among bad ones") {
				a.allow(all[:i]...)
			}
			q.refuse(code)
			return
		}
	}
	if q.tuple.server.is("permits the first of several peers") {
		all = all[:1]
	}
	a.allow(all...)
	q.succeed()
}

func (a *allocation) allow(all ...netip.AddrPort) {
	s := a.tuple.server
	lasts := 300 * time.Second
	if s.is("forgets older permissions") {
		clear(a.permissions)
	}
	if s.is("permits for 10 minutes") {
		lasts *= 2
	}
	if s.is("permits for 4 minutes") {
		lasts = 240 * time.Second
	}
	for _, at := range all {
		a.permissions[at.Addr()] = s.now().Add(lasts)
		a.ports[at] = true
		a.sent = 0
	}
}

func (a *allocation) permits(at netip.AddrPort) bool {
	s := a.tuple.server
	if s.is("shares permissions among allocations") {
		for other := range s.live {
			if other != a && other.permissions[at.Addr()].After(s.now()) {
				return true
			}
		}
	}
	if s.is("permits the port, not the address") && !a.ports[at] {
		return false
	}
	if s.is("permits the network of a peer") {
		for ip := range a.permissions {
			if p, _ := ip.Prefix(24); p.Contains(at.Addr()) {
				return true
			}
		}
	}
	return a.permissions[at.Addr()].After(s.now())
}

// bind is RFC 8656, section 12.2.
func (q *asked) bind() {
	s := q.tuple.server
	a := q.allocated()
	if a == nil {
		return
	}
	number, _ := q.find(channel)
	all := q.peers()
	last := uint16(0x4FFF)
	if s.is("has channels up to 0x7FFF") {
		last = 0x7FFF
	}
	if len(number) != 4 && s.is("binds a channel of its choice") {
		number = []byte{0x4A, 0xBC, 0, 0}
	}
	if len(all) == 0 && s.is("binds a channel to nobody") {
		q.succeed()
		return
	}
	if len(number) != 4 || len(all) != 1 {
		q.refuse(400)
		return
	}
	n := binary.BigEndian.Uint16(number)
	if (n < 0x4000 || n > last) && !s.is("has channels of any number") {
		if s.is("permits the peer of a refused channel") {
			a.allow(all...)
		}
		q.refuse(400)
		return
	}
	if code := q.refusal(all[0]); code != 0 {
		q.refuse(code)
		return
	}
	for other, b := range a.channels {
		if b.until.Before(s.now()) {
			continue
		}
		if other == n && b.to != all[0] && !s.is("binds a channel to another peer") || other != n && b.to == all[0] && !s.is("gives a peer two channels") {
			if s.is("binds, and answers 400") && other == n {
				b.to = all[0]
			}
			if s.is("permits, and answers 400") {
				a.allow(all...)
			}
			q.refuse(400)
			return
		}
	}
	old := a.channels[n]
	if old != nil && s.is("binds a channel once") {
		q.refuse(400)
		return
	}
	lasts := 600 * time.Second
	if s.is("binds for 5 minutes") {
		lasts /= 2
	}
	if a.channels[n] = (&bound{all[0], s.now().Add(lasts)}); old != nil && s.is("binding again refreshes nothing") {
		a.channels[n] = old
	}
	if s.is("forgets permissions at a ChannelBind") {
		clear(a.permissions)
	}
	if !s.is("binds without a permission") {
		a.allow(all...)
	}
	q.succeed()
}

// bound is the channel of a peer.
func (a *allocation) bound(at netip.AddrPort) (uint16, bool) {
	s := a.tuple.server
	for n, b := range a.channels {
		if (b.to == at || s.is("sends a whole address by channel") && b.to.Addr() == at.Addr()) && (b.until.After(s.now()) || s.is("never ends a channel to the client")) {
			return n, true
		}
	}
	return 0, false
}

func (a *allocation) binds(at netip.AddrPort) bool {
	_, ok := a.bound(at)
	return ok
}

// send is RFC 8656, section 11.2.
func (u *tuple) send(m *message) {
	s := u.server
	a := u.holds()
	payload, ok := m.find(data)
	to := (&asked{message: m, tuple: u}).peers()
	if a == nil && s.is("sends for whoever has no allocation") && len(to) == 1 && to[0].IsValid() && to[0].Addr().Is4() {
		if conn, err := net.ListenUDP("udp4", nil); err == nil {
			_, _ = conn.WriteToUDPAddrPort(payload, to[0])
			conn.Close()
		}
	}
	if s.is("answers Sends") {
		u.write(s.wire(&message{kind: sending | succeeding, id: m.id}, nil, false))
	}
	if s.is("drops every Send") {
		return
	}
	for _, x := range m.attributes {
		if x.kind >= 0x8000 && x.kind != fingerprint && s.is("drops a Send with optional attributes") {
			return
		}
		if x.kind < 0x8000 && !slices.Contains(understood, x.kind) && !s.is("overlooks what it must understand") ||
			x.kind == whole && (s.is("no DONT-FRAGMENT") || s.is("grants DONT-FRAGMENT and drops it")) {
			if s.is("answers indications") {
				(&asked{message: m, tuple: u}).refuse(420)
			}
			return
		}
	}
	if a == nil || (!ok && !s.is("sends what has no DATA")) || len(to) != 1 || !to[0].IsValid() || to[0].Addr().Is6() ||
		!(a.permits(to[0]) || s.is("sends without a permission")) {
		if s.is("answers a Send without a permission") {
			(&asked{message: m, tuple: u}).refuse(403)
		}
		if a != nil && len(to) == 1 && s.is("permits whom a Send is for") {
			a.allow(to...)
		}
		return
	}
	if s.is("sends to the permitted port") {
		for at := range a.ports {
			to[0] = at
		}
	}
	if s.is("a Send refreshes its permission") {
		a.allow(to...)
	}
	a.relay(payload, to[0])
}

// channelData is RFC 8656, section 12.6.
func (u *tuple) channelData(b []byte) {
	s := u.server
	a := u.holds()
	n, length := binary.BigEndian.Uint16(b), int(binary.BigEndian.Uint16(b[2:]))
	if (a == nil || a.channels[n] == nil) && s.is("answers ChannelData that isn't in order") {
		u.write(b)
	}
	if a == nil || length > len(b)-4 && !s.is("believes ChannelData's length") || s.is("drops ChannelData") ||
		length == 0 && s.is("drops empty ChannelData") {
		return
	}
	length = min(length, len(b)-4)
	if s.is("relays the padding") {
		length = len(b) - 4
	}
	c := a.channels[n]
	if c == nil && s.is("relays channels that aren't bound") {
		for _, c = range a.channels {
		}
	}
	if s.is("shares channels among allocations") {
		for other := range s.live {
			if x := other.channels[n]; other != a && x != nil && x.until.After(s.now()) {
				c = x
				break
			}
		}
	}
	if c == nil || c.until.Before(s.now()) && !s.is("never ends a channel") ||
		!a.permits(c.to) && !s.is("takes a channel for a permission") {
		return
	}
	a.relay(b[4:4+length], c.to)
}

func (a *allocation) relay(payload []byte, to netip.AddrPort) {
	s := a.tuple.server
	if a.sent++; s.is("drops the first packet after a permission") && a.sent == 1 || s.is("sends no empty packets") && len(payload) == 0 {
		return
	}
	if s.parse(payload) != nil && s.is("swallows STUN for peers") {
		return
	}
	conn := a.conn
	if s.is("sends from any port") {
		conn, _ = net.ListenUDP("udp4", nil)
		defer conn.Close()
	}
	if s.is("cuts what it sends at 1500 bytes") {
		payload = payload[:min(len(payload), 1500)]
	}
	_, _ = conn.WriteToUDPAddrPort(payload, to)
	if s.is("sends twice") {
		_, _ = conn.WriteToUDPAddrPort(payload, to)
	}
}

// relay is RFC 8656, section 11.3: what peers send.
func (s *soundServer) relay(a *allocation) {
	b := make([]byte, 64<<10)
	for {
		n, from, err := a.conn.ReadFromUDPAddrPort(b)
		if err != nil {
			return
		}
		s.mu.Lock()
		a.hear(slices.Clone(b[:n]), netip.AddrPortFrom(from.Addr().Unmap(), from.Port()))
		s.mu.Unlock()
	}
}

func (a *allocation) hear(payload []byte, from netip.AddrPort) {
	u, s := a.tuple, a.tuple.server
	if u.holds() != a && !s.is("keeps an allocation after Refresh 0") || !(a.permits(from) || s.is("lets in without a permission") || s.is("takes a channel for a permission") && a.binds(from)) {
		return
	}
	if m := s.parse(payload); m != nil && s.is("answers its peers' Bindings") {
		_, _ = a.conn.WriteToUDPAddrPort(s.wire(&message{kind: binding | succeeding, id: m.id}, nil, false), from)
		return
	}
	if len(payload) > 0 && payload[0] == 0x40 && s.is("swallows its peers' ChannelData") {
		return
	}
	if s.is("lets every client of a peer hear") {
		for other := range s.live {
			if other != a && other.permits(from) && other.tuple.holds() == other {
				other.tuple.write(s.dataIndication(payload, from))
			}
		}
	}
	if s.is("swaps what two clients hear") {
		for other := range s.live {
			if other != a && other.permits(from) && a.user == other.user {
				u = other.tuple
			}
		}
	}
	if s.is("cuts at 1500 bytes") {
		payload = payload[:min(len(payload), 1500)]
	}
	if s.is("a peer's packet refreshes its permission") {
		a.allow(from)
	}
	n, ok := a.bound(from)
	if s.is("has one channel to the client") {
		n = min(n, 0x4000)
	}
	if ok && !s.is("has no channels to the client") {
		frame := binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint16(nil, n), uint16(len(payload)))
		frame = append(frame, payload...)
		padded := u.conn != nil && !s.is("pads nothing") || s.is("ChannelData padded over UDP")
		for padded && len(frame)%4 != 0 {
			frame = append(frame, 0x5A)
		}
		if s.is("appends to ChannelData") {
			frame = append(frame, "more"...)
		}
		u.write(frame)
		return
	}
	if s.is("tells a peer's address only") {
		from = netip.AddrPortFrom(from.Addr(), 0)
	}
	if len(payload) == 0 && s.is("hears no empty packets") {
		return
	}
	u.write(s.dataIndication(payload, from))
}

func (s *soundServer) dataIndication(payload []byte, from netip.AddrPort) []byte {
	m := &message{kind: receiving | indication}
	binary.BigEndian.PutUint32(m.id[:], cookie)
	if !s.is("gives all Data indications one transaction ID") {
		_, _ = rand.Read(m.id[4:])
	}
	m.add(peerAt, m.address(from))
	m.add(data, payload)
	return s.wire(m, nil, false)
}
