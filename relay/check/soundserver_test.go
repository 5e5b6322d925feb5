package check_test

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/proxyspec/proxyspec/relay/check"
)

// soundServer is a TURN server that does what RFC 8656 and RFC 8489 demand and little more: a second opinion about the
// rows, made from the RFCs' text alone. Switches make it use the liberties that the RFCs leave, or break a rule.
type soundServer struct {
	switches map[string]bool
	packets  net.PacketConn
	streams  net.Listener

	mu     sync.Mutex
	skew   time.Duration // how far Sleep moved the clock
	tuples map[string]*tuple
	live   map[*allocation]bool
	tokens map[string]*allocation // reserved
	counts map[string]int
	dead   bool // it reads nothing any more
	full   bool // none of its ports is free
}

// switched is the switches that servers looked at.
var switched sync.Map

// is says whether a switch is set.
func (s *soundServer) is(name string) bool {
	_, breaks := faults[name]
	if !breaks && !slices.Contains(slices.Concat(liberties...), name) {
		panic(name + " is no liberty and no fault")
	}
	switched.Store(name, true)
	return s.switches[name]
}

// nth says so at every n-th time.
func (s *soundServer) nth(name string, n int) bool {
	if !s.is(name) {
		return false
	}
	s.counts[name]++
	return s.counts[name]%n == 0
}

func (s *soundServer) now() time.Time { return time.Now().Add(s.skew) }

// startSound starts a server on loopback, which ends with the test.
func startSound(t *testing.T, switches ...string) *soundServer {
	s := &soundServer{
		switches: map[string]bool{}, tuples: map[string]*tuple{}, live: map[*allocation]bool{}, tokens: map[string]*allocation{},
		counts: map[string]int{},
	}
	for _, name := range switches {
		s.switches[name] = true
	}
	var err error
	s.packets, err = net.ListenPacket("udp4", "127.0.0.1:0")
	assert.NoError(t, err)
	s.streams, err = net.Listen("tcp4", "127.0.0.1:0")
	assert.NoError(t, err)
	var running sync.WaitGroup
	running.Go(s.servePackets)
	running.Go(func() { s.serveStreams(&running) })
	t.Cleanup(func() {
		s.packets.Close()
		s.streams.Close()
		s.mu.Lock()
		for _, u := range s.tuples {
			if u.conn != nil {
				u.conn.Close()
			}
		}
		for a := range s.live {
			a.conn.Close()
		}
		for _, a := range s.tokens {
			a.conn.Close()
		}
		s.mu.Unlock()
		running.Wait()
	})
	return s
}

// target is the server as the rows see it.
func (s *soundServer) target(t *testing.T, network string) check.Target {
	at := s.packets.LocalAddr()
	if network == "tcp" {
		at = s.streams.Addr()
	}
	to := target(t, network, at.String(), alice, bob)
	to.Forbidden = []netip.Addr{netip.MustParseAddr("127.0.0.3")}
	return to
}

// tuple is a client's 5-tuple.
type tuple struct {
	server *soundServer
	from   netip.AddrPort
	conn   net.Conn // of a stream

	nonces     map[string]time.Time // given, and when
	used       map[string]int       // how often
	answers    map[[16]byte][]byte  // by transaction
	allocation *allocation
	deleted    bool
	late       [][]byte // what is under way to the client
	burst      []byte   // what a stream holds back for a moment
	// Of its last allocation.
	kept         map[netip.Addr]time.Time
	keptChannels map[uint16]*bound
}

func (s *soundServer) tuple(from net.Addr, conn net.Conn) *tuple {
	key := fmt.Sprint(from.Network(), from)
	u := s.tuples[key]
	if u == nil || u.conn != conn { // a port serves one stream after the other
		u = &tuple{
			server: s, from: netip.MustParseAddrPort(from.String()), conn: conn,
			nonces: map[string]time.Time{}, used: map[string]int{}, answers: map[[16]byte][]byte{},
		}
		s.tuples[key] = u
	}
	return u
}

func (s *soundServer) servePackets() {
	b := make([]byte, 64<<10)
	for {
		n, from, err := s.packets.ReadFrom(b)
		if err != nil {
			return
		}
		s.mu.Lock()
		s.tuple(from, nil).read(slices.Clone(b[:n]))
		s.mu.Unlock()
	}
}

func (s *soundServer) serveStreams(running *sync.WaitGroup) {
	for {
		conn, err := s.streams.Accept()
		if err != nil {
			return
		}
		running.Go(func() { s.serveStream(conn) })
	}
}

func (s *soundServer) serveStream(conn net.Conn) {
	defer conn.Close()
	s.mu.Lock()
	u := s.tuple(conn.RemoteAddr(), conn)
	s.mu.Unlock()
	var held []byte
	b := make([]byte, 64<<10)
	for {
		n, err := conn.Read(b)
		if err != nil {
			break
		}
		if held = append(held, b[:n]...); s.is("hears nothing on streams") {
			held = nil
		}
		for {
			if len(held) < 4 {
				if s.is("drops half messages of a stream") {
					held = nil
				}
				break
			}
			size := int(binary.BigEndian.Uint16(held[2:]))
			if held[0]>>6 == 1 {
				size = 4 + (size+3)&^3
			} else {
				size += 20
			}
			if s.is("takes a segment for a message") {
				size = len(held)
			}
			if size > 500 && s.is("reads short messages of a stream only") {
				err = net.ErrClosed
				break
			}
			if size > len(held) {
				if s.is("drops half messages of a stream") {
					held = nil
				}
				break
			}
			s.mu.Lock()
			sound := u.read(slices.Clone(held[:size]))
			s.mu.Unlock()
			held = held[size:]
			if !sound && s.is("closes a stream that isn't sound") || u.deleted && s.is("closes a stream without an allocation") {
				held, err = nil, net.ErrClosed
			}
		}
		if err != nil {
			break
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if a := u.allocation; a != nil && !s.is("keeps an allocation after its stream") {
		a.end()
	}
}

// read handles one message, and says whether it was one.
func (u *tuple) read(b []byte) bool {
	if len(b) >= 4 && b[0]>>6 == 1 {
		u.channelData(b)
		return b[0] < 0x50
	}
	m := u.server.parse(b)
	switch {
	case m == nil:
		u.server.dead = u.server.dead || u.server.is("dies of what isn't a message")
		return false
	case u.server.dead:
		return true
	case m.kind == sending|indication:
		u.send(m)
	case m.kind&failing == 0, u.server.is("answers indications") && m.kind&failing == indication,
		u.server.is("answers answers") && m.kind&failing == succeeding:
		u.request(m)
	}
	return true
}

// write sends a client something.
func (u *tuple) write(b []byte) {
	s := u.server
	if s.is("a round trip of 400 ms") {
		u.late = append(u.late, b)
		time.AfterFunc(400*time.Millisecond, func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			u.put(u.late[0])
			u.late = u.late[1:]
		})
		return
	}
	u.put(b)
}

func (u *tuple) put(b []byte) {
	switch {
	case u.conn == nil:
		_, _ = u.server.packets.WriteTo(b, net.UDPAddrFromAddrPort(u.from))
		if b[0]&0xC1 == 1 && u.server.is("answers that the network doubles") {
			_, _ = u.server.packets.WriteTo(b, net.UDPAddrFromAddrPort(u.from))
		}
	case u.server.is("answers that share a segment"):
		if u.burst = append(u.burst, b...); len(u.burst) == len(b) {
			time.AfterFunc(3*time.Millisecond, func() {
				u.server.mu.Lock()
				defer u.server.mu.Unlock()
				_, _ = u.conn.Write(u.burst)
				u.burst = nil
			})
		}
	case u.server.is("streams byte by byte"):
		for i := range b {
			_, _ = u.conn.Write(b[i : i+1])
		}
	default:
		_, _ = u.conn.Write(b)
	}
}

// exhaust takes all of the server's ports, until free is called.
func (s *soundServer) exhaust() (free func(), err error) {
	set := func(full bool) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.full = full
	}
	set(true)
	return func() { set(s.is("never has a port again")) }, nil
}

// sleep moves the server's clock.
func (s *soundServer) sleep(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.skew += d
}
