package firewall

import (
	"fmt"
	"net/netip"
	"time"
)

// Timeouts say how long a flow without packets is remembered, from its last packet in either
// direction. Zero fields take the defaults, which are the ones that the RFCs ask of a NAT. Shorter
// ones are allowed: firewalls in the field are often less patient, and a scenario needs them.
type Timeouts struct {
	UDP            time.Duration // default 5 min, the recommendation of RFC 4787, REQ-5, which forbids less than 2 min
	TCPEstablished time.Duration // default 2 h 4 min, the least that RFC 5382, REQ-5, permits
	TCPTransitory  time.Duration // opening, reset or closed at both ends: default 4 min, the least of RFC 5382, REQ-5
	Other          time.Duration // ICMP and the rest: default 60 s, the least of RFC 5508, REQ-2
}

func (t Timeouts) withDefaults() (Timeouts, error) {
	for _, f := range []struct {
		name     string
		value    *time.Duration
		standard time.Duration
	}{
		{"UDP", &t.UDP, 5 * time.Minute},
		{"established TCP", &t.TCPEstablished, 2*time.Hour + 4*time.Minute},
		{"transitory TCP", &t.TCPTransitory, 4 * time.Minute},
		{"other", &t.Other, time.Minute},
	} {
		switch {
		case *f.value < 0:
			return t, fmt.Errorf("firewall timeouts: %s: %v is negative", f.name, *f.value)
		case *f.value == 0:
			*f.value = f.standard
		}
	}
	return t, nil
}

// flowKey names a flow from the side of the local network, so that both directions find it.
type flowKey struct {
	proto           Proto
	inside, outside netip.AddrPort
}

func keyOf(p Packet) flowKey {
	if p.Direction == Inbound {
		return flowKey{p.Proto, p.Dst, p.Src}
	}
	return flowKey{p.Proto, p.Src, p.Dst}
}

// keyOfQuoted is the flow of the packet that an ICMP error is about. The error travels against it.
func keyOfQuoted(p Packet) flowKey {
	inside, outside := plain(p.About.Src), plain(p.About.Dst)
	if p.Direction == Outbound {
		inside, outside = outside, inside
	}
	return flowKey{p.About.Proto, inside, outside}
}

// flow is one conversation. For TCP it follows the state machine of RFC 6146, section 3.5.2, which
// looks at flags only: ESTABLISHED once both sides have sent SYN, closing once both have sent FIN, and
// a RST makes it transitory until some other segment shows that the connection outlived it (a forged
// RST must not cut a live flow).
type flow struct {
	lastSeen time.Time
	ahead    time.Time // the same, for packets that took a pass
	answered bool      // a packet came back
	gone     bool      // no longer in the table
	rule     string    // that opened it

	established   bool // TCP: both sides have sent SYN
	finOut, finIn bool // TCP: this side has sent FIN
	reset         bool // TCP: the last segment was RST
}

// note brings a flow up to date with a packet of it that passed.
func (f *flow) note(now time.Time, p Packet) {
	if now.After(f.lastSeen) {
		f.lastSeen = now
	}
	in := p.Direction == Inbound
	f.answered = f.answered || in
	if p.Proto != TCP {
		return
	}
	f.established = f.established || in && p.Flags&SYN != 0
	f.finIn = f.finIn || in && p.Flags&FIN != 0
	f.finOut = f.finOut || !in && p.Flags&FIN != 0
	f.reset = p.Flags&RST != 0
}

// over tells whether the flow is a TCP connection that has ended, so that a new SYN begins another one.
func (f *flow) over() bool { return f.reset || f.finIn && f.finOut }

// timeout is how long the flow may stay idle in its present state.
func (f *flow) timeout(proto Proto, t *Timeouts) time.Duration {
	switch {
	case proto == UDP:
		return t.UDP
	case proto != TCP:
		return t.Other
	case f.established && !f.over():
		return t.TCPEstablished
	}
	return t.TCPTransitory
}

func (f *flow) expired(now time.Time, proto Proto, t *Timeouts) bool {
	limit := f.timeout(proto, t)
	return now.Sub(f.lastSeen) >= limit && now.Sub(f.ahead) >= limit
}
