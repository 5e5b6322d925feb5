package check

import (
	"net"
	"net/netip"
	"time"
)

// Target is a TURN server, and the world around it.
type Target struct {
	// Dial makes a connection of its own to the server: a new 5-tuple. Stream says that it is TCP or TLS.
	Dial   func() (net.Conn, error)
	Stream bool

	// User may allocate. Without Other, rows that need a second user are NotOffered.
	User, Other Credentials

	// Peers opens a UDP socket that the server may reach, at a port of its own; each function at an address of its
	// own. One is needed, without a second one rows that compare two addresses are NotOffered.
	Peers []func() (net.PacketConn, error)
	// Forbidden are peers that the server must refuse.
	Forbidden []netip.Addr

	// MaxDatagram is the largest datagram that peers can send, in bytes. 0: as large as UDP has them. Rows that need
	// larger ones don't fit.
	MaxDatagram int

	// Lossy says that datagrams may be lost on the way, to the server or between it and the peers.
	Lossy bool

	// Quota is how many allocations User may have at once. 0: unknown, and its rows are NotOffered.
	Quota int
	// Exhaust takes every port of the server's, until free is called. nil: its rows are NotOffered.
	Exhaust func() (free func(), err error)

	// Sleep lets time pass. nil: rows about expiry don't fit.
	Sleep func(time.Duration)
	// Answer is how long an answer may take. Default 2 s.
	Answer time.Duration
	// Quiet is how long silence is listened to, beside two round trips. Default 200 ms.
	Quiet time.Duration
}

// Credentials are long-term ones (RFC 8489, section 9.2).
type Credentials struct{ Username, Password string }

func (t Target) withDefaults() Target {
	if t.Answer == 0 {
		t.Answer = 2 * time.Second
	}
	if t.Quiet == 0 {
		t.Quiet = 200 * time.Millisecond
	}
	return t
}
