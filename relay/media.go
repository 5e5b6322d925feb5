package relay

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/pion/logging"
	"github.com/pion/transport/v3"
	"github.com/pion/turn/v4"
)

// socketBuffer is what each UDP socket asks of its system, per direction. With Linux's default of
// 208 KiB a burst lost 31 % of its packets; coturn asks for as much.
const socketBuffer = 2 << 20

// media is a relay's TURN server (RFC 8656) on all of its ports. pion/turn speaks the protocol; this
// file gives it sockets, decides who may have an allocation and which peers it may reach, counts what
// passes, and waits for pion's goroutines, which pion itself doesn't.
type media struct {
	cloud *Cloud
	name  string
	net   transport.Net
	addr  netip.Addr // of the relay: ports and relayed addresses

	udp []net.PacketConn
	tcp []net.Listener

	loops       sync.WaitGroup // one for each port and each accepted connection
	allocations sync.WaitGroup

	mu      sync.Mutex
	closed  bool
	conns   map[*turnConn]struct{}
	relayed map[netip.AddrPort]*relayedConn // by relayed address
	clients map[fiveTuple]*relayedConn      // that have an allocation
	live    map[liveUser]int                // allocations
}

// fiveTuple names an allocation: the client's transport address and ours.
type fiveTuple struct {
	proto    string
	from, to netip.AddrPort
}

// liveUser is a client's transport address and whose credentials it used.
type liveUser struct {
	proto    string
	from     netip.AddrPort
	username string
}

func newMedia(c *Cloud, name string, n transport.Net, addr netip.Addr) *media {
	return &media{
		cloud: c, name: name, net: n, addr: addr,
		conns:   make(map[*turnConn]struct{}),
		relayed: make(map[netip.AddrPort]*relayedConn),
		clients: make(map[fiveTuple]*relayedConn),
		live:    make(map[liveUser]int),
	}
}

func (m *media) listenUDP(at netip.AddrPort) (netip.AddrPort, error) {
	conn, err := m.openUDP(at)
	if err != nil {
		return netip.AddrPort{}, err
	}
	m.udp = append(m.udp, conn)
	return addrPort(conn.LocalAddr()), nil
}

func (m *media) listenTCP(at netip.AddrPort) (netip.AddrPort, error) {
	l, at, err := listenTCP(m.net, at)
	if err == nil {
		m.tcp = append(m.tcp, l)
	}
	return at, err
}

func (m *media) openUDP(at netip.AddrPort) (transport.UDPConn, error) {
	conn, err := m.net.ListenUDP("udp", net.UDPAddrFromAddrPort(at))
	if err != nil {
		return nil, fmt.Errorf("listen on UDP %v: %w", at, err)
	}
	_ = conn.SetReadBuffer(socketBuffer) // less is a slower relay, not a broken one
	_ = conn.SetWriteBuffer(socketBuffer)
	return conn, nil
}

// serve relays media until ctx ends. It owns the sockets, and returns when every allocation is gone.
func (m *media) serve(ctx context.Context) error {
	defer m.wait()
	cfg := turn.ServerConfig{
		Realm:         Realm,
		AuthHandler:   m.authenticate,
		LoggerFactory: &logging.DefaultLoggerFactory{Writer: io.Discard, DefaultLogLevel: logging.LogLevelDisabled},
		EventHandler: turn.EventHandler{
			OnAuth:              m.authenticated,
			OnAllocationCreated: m.created,
			OnAllocationDeleted: m.deleted,
			OnPermissionCreated: func(_, _ net.Addr, _, _, _ string, relayed net.Addr, peer net.IP) { m.permit(relayed, peer, true) },
			OnPermissionDeleted: func(_, _ net.Addr, _, _, _ string, relayed net.Addr, peer net.IP) { m.permit(relayed, peer, false) },
		},
	}
	for _, conn := range m.udp {
		at := addrPort(conn.LocalAddr())
		m.loops.Add(1)
		cfg.PacketConnConfigs = append(cfg.PacketConnConfigs, turn.PacketConnConfig{
			PacketConn:            &turnPacketConn{PacketConn: conn, ended: sync.OnceFunc(m.loops.Done)},
			RelayAddressGenerator: m.generator(at),
			PermissionHandler:     m.permission(at),
		})
	}
	for _, l := range m.tcp {
		at := addrPort(l.Addr())
		m.loops.Add(1)
		cfg.ListenerConfigs = append(cfg.ListenerConfigs, turn.ListenerConfig{
			Listener:              &turnListener{Listener: l, media: m, ended: sync.OnceFunc(m.loops.Done)},
			RelayAddressGenerator: m.generator(at),
			PermissionHandler:     m.permission(at),
		})
	}
	if _, err := turn.NewServer(cfg); err != nil {
		// It fails before it has started anything.
		m.loops.Add(-len(m.udp) - len(m.tcp))
		m.close()
		return fmt.Errorf("start TURN: %w", err)
	}
	<-ctx.Done()
	m.close()
	return nil
}

// close closes every port and client connection. pion's loops end with their sockets and take the
// allocations with them.
func (m *media) close() {
	for _, conn := range m.udp {
		conn.Close()
	}
	for _, l := range m.tcp {
		l.Close()
	}
	m.mu.Lock()
	m.closed = true
	conns := m.conns
	m.conns = nil
	m.mu.Unlock()
	for conn := range conns {
		conn.Conn.Close()
	}
}

// wait returns when the loops have ended and then the allocations, which only loops make.
func (m *media) wait() {
	m.loops.Wait()
	m.allocations.Wait()
}

// event is one about a client's transport address and the port of ours that it uses.
func (m *media) event(name string, proto string, from, to netip.AddrPort) Event {
	return Event{Name: name, Node: m.name, Purpose: PurposeMedia, Proto: proto, From: from, To: to}
}

// authenticate finds the key of a TURN username (RFC 8489, section 9.2.2). Credentials that have
// expired still serve the allocations that were made with them.
func (m *media) authenticate(username, realm string, client net.Addr) (key []byte, ok bool) {
	proto, from := network(client), addrPort(client)
	s, ok := openTURNUsername(username)
	if !ok {
		e := m.event(EventAllocationRefused, proto, from, netip.AddrPort{})
		e.Code, e.Detail = CodeCredentialsInvalid, "the username is not one of ours"
		m.cloud.cfg.Log(e)
		return nil, false
	}
	if s.expired(time.Now()) {
		m.mu.Lock()
		live := m.live[liveUser{proto, from, username}] > 0
		m.mu.Unlock()
		if !live {
			e := m.event(EventAllocationRefused, proto, from, netip.AddrPort{})
			e.Session, e.Code, e.Detail = s.Name, CodeCredentialsExpired, "expired "+time.Unix(s.Expires, 0).UTC().Format(time.RFC3339)
			m.cloud.cfg.Log(e)
			return nil, false
		}
	}
	return turn.GenerateAuthKey(username, realm, turnCredential(m.cloud.cfg.Secret, username)), true
}

// authenticated hears whether a request had the right key.
func (m *media) authenticated(client, server net.Addr, _, username, _, method string, ok bool) {
	if ok {
		return
	}
	e := m.event(EventAllocationRefused, network(client), addrPort(client), addrPort(server))
	s, _ := openTURNUsername(username)
	e.Session, e.Code, e.Detail = s.Name, CodeCredentialsInvalid, method+" with a wrong credential"
	m.cloud.cfg.Log(e)
}

func (m *media) created(client, server net.Addr, _, username, _ string, relayed net.Addr, _ int) {
	s, _ := openTURNUsername(username)
	e := m.event(EventAllocationCreated, network(client), addrPort(client), addrPort(server))
	e.Session, e.Relayed = s.Name, addrPort(relayed)

	m.allocations.Add(1)
	m.mu.Lock()
	conn := m.relayed[e.Relayed]
	m.clients[fiveTuple{e.Proto, e.From, e.To}] = conn
	m.live[liveUser{e.Proto, e.From, username}]++
	m.mu.Unlock()
	conn.begin(e)
	m.cloud.cfg.Log(e)
}

func (m *media) deleted(client, server net.Addr, _, username, _ string) {
	defer m.allocations.Done()
	who := fiveTuple{network(client), addrPort(client), addrPort(server)}
	user := liveUser{who.proto, who.from, username}
	m.mu.Lock()
	conn := m.clients[who]
	delete(m.clients, who)
	if m.live[user]--; m.live[user] == 0 {
		delete(m.live, user)
	}
	m.mu.Unlock()
	m.cloud.cfg.Log(conn.event(EventAllocationDeleted))
}

// permit keeps a relayed connection's permissions, to count what pion lets pass. It is called with
// locks of pion held.
func (m *media) permit(relayed net.Addr, peer net.IP, yes bool) {
	ip, _ := netip.AddrFromSlice(peer)
	m.mu.Lock()
	conn := m.relayed[addrPort(relayed)]
	m.mu.Unlock()
	if conn != nil {
		conn.permit(ip.Unmap(), yes)
	}
}

// permission says which peers the clients of one port may reach: SD-RTN.
func (m *media) permission(server netip.AddrPort) turn.PermissionHandler {
	return func(client net.Addr, peer net.IP) bool {
		ip, ok := netip.AddrFromSlice(peer)
		ip = ip.Unmap()
		for _, prefix := range m.cloud.cfg.Peers {
			if ok && prefix.Contains(ip) {
				return true
			}
		}
		who := fiveTuple{network(client), addrPort(client), server}
		m.mu.Lock()
		conn := m.clients[who]
		m.mu.Unlock()
		e := m.event(EventPermissionRefused, who.proto, who.from, server)
		if conn != nil {
			e = conn.event(EventPermissionRefused)
		}
		e.Peer, e.Code, e.Detail = netip.AddrPortFrom(ip, 0), CodePeer, "the peer is not SD-RTN"
		m.cloud.cfg.Log(e)
		return false
	}
}

// generator makes the relayed transport addresses of the clients of one port.
func (m *media) generator(server netip.AddrPort) turn.RelayAddressGenerator {
	return generator{m, server}
}

type generator struct {
	media  *media
	server netip.AddrPort
}

func (generator) Validate() error { return nil }

func (g generator) AllocatePacketConn(_ string, port int) (net.PacketConn, net.Addr, error) {
	m := g.media
	conn, err := m.openUDP(netip.AddrPortFrom(m.addr, uint16(port)))
	if err != nil {
		e := m.event(EventAllocationRefused, "", netip.AddrPort{}, g.server)
		e.Code, e.Detail = CodeCapacity, err.Error()
		m.cloud.cfg.Log(e)
		return nil, nil, err
	}
	addr := addrPort(conn.LocalAddr())
	r := &relayedConn{UDPConn: conn, log: m.cloud.cfg.Log, closing: func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		delete(m.relayed, addr)
	}}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.relayed[addr] = r
	return r, conn.LocalAddr(), nil
}

func (generator) AllocateConn(string, int) (net.Conn, net.Addr, error) {
	return nil, nil, errors.New("TCP relayed addresses (RFC 6062) are not offered")
}

// turnPacketConn tells when pion's loop on a UDP port ends, which it does at the first error.
type turnPacketConn struct {
	net.PacketConn
	ended func()
}

func (c *turnPacketConn) ReadFrom(p []byte) (int, net.Addr, error) {
	n, from, err := c.PacketConn.ReadFrom(p)
	if err != nil {
		c.ended()
	}
	return n, from, err
}

// turnListener is a TCP port. pion closes it but neither its connections nor waits for them.
type turnListener struct {
	net.Listener
	media *media
	ended func()
}

func (l *turnListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		l.ended()
		return nil, err
	}
	c := &turnConn{Conn: conn, media: l.media}
	c.ended = sync.OnceFunc(l.media.loops.Done)
	l.media.loops.Add(1)
	l.media.mu.Lock()
	closed := l.media.closed
	if !closed {
		l.media.conns[c] = struct{}{}
	}
	l.media.mu.Unlock()
	if closed {
		conn.Close()
	}
	return c, nil
}

// turnConn is a client's TCP connection. Closing it is the last thing that pion's loop does.
type turnConn struct {
	net.Conn
	media *media
	ended func()
}

func (c *turnConn) Close() error {
	defer c.ended()
	c.media.mu.Lock()
	delete(c.media.conns, c)
	c.media.mu.Unlock()
	return c.Conn.Close()
}

// network is how a client came: "TCP" or "UDP".
func network(a net.Addr) string {
	if _, ok := a.(*net.TCPAddr); ok {
		return "TCP"
	}
	return "UDP"
}
