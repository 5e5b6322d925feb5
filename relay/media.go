package relay

import (
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/pion/transport/v3"
)

// socketBuffer is what each UDP socket asks of its system, per direction. With Linux's default of
// 208 KiB a burst lost 31 % of its packets; coturn asks for as much.
const socketBuffer = 2 << 20

// media is what a relay knows of its allocations (RFC 8656): whose they are, how long credentials serve
// them, which peers they may reach and what has passed. It speaks no TURN: see turnServer.
type media struct {
	cloud *Cloud
	name  string
	net   transport.Net
	addr  netip.Addr // of relayed transport addresses

	mu      sync.Mutex
	relayed map[netip.AddrPort]*relayedConn // by relayed transport address
	clients map[fiveTuple]*relayedConn      // that have an allocation
	live    map[liveUser]int                // allocations
}

// fiveTuple names an allocation: the client's transport address and ours.
type fiveTuple struct {
	proto    string
	from, to netip.AddrPort
}

func tuple(client, server net.Addr) fiveTuple {
	return fiveTuple{network(client), addrPort(client), addrPort(server)}
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
		relayed: make(map[netip.AddrPort]*relayedConn),
		clients: make(map[fiveTuple]*relayedConn),
		live:    make(map[liveUser]int),
	}
}

// event is one about a client and the port of ours that it uses.
func (m *media) event(name string, who fiveTuple) Event {
	return Event{Name: name, Node: m.name, Purpose: PurposeMedia, Proto: who.proto, From: who.from, To: who.to}
}

// password is that of a TURN user, if the user may do anything at all. Credentials that have expired
// still serve the allocations that were made with them.
func (m *media) password(username string, client net.Addr) (password string, ok bool) {
	e := m.event(EventAllocationRefused, fiveTuple{proto: network(client), from: addrPort(client)})
	s, ok := openTURNUsername(username)
	if !ok {
		e.Code, e.Detail = CodeCredentialsInvalid, "the username is not one of ours"
		m.cloud.cfg.Log(e)
		return "", false
	}
	m.mu.Lock()
	live := m.live[liveUser{e.Proto, e.From, username}] > 0
	m.mu.Unlock()
	if s.expired(time.Now()) && !live {
		e.Session, e.Code = s.Name, CodeCredentialsExpired
		e.Detail = "they expired at " + time.Unix(s.Expires, 0).UTC().Format(time.RFC3339)
		m.cloud.cfg.Log(e)
		return "", false
	}
	return turnCredential(m.cloud.cfg.Secret, username), true
}

// denied hears of a request that another password was used for.
func (m *media) denied(who fiveTuple, username, method string) {
	s, _ := openTURNUsername(username)
	e := m.event(EventAllocationRefused, who)
	e.Session, e.Code, e.Detail = s.Name, CodeCredentialsInvalid, method+" with a wrong credential"
	m.cloud.cfg.Log(e)
}

// open makes a relayed transport address for a client of one of our ports. Port 0 takes any.
func (m *media) open(server netip.AddrPort, port int) (*relayedConn, error) {
	conn, err := openUDP(m.net, netip.AddrPortFrom(m.addr, uint16(port)))
	if err != nil {
		e := m.event(EventAllocationRefused, fiveTuple{to: server})
		e.Code, e.Detail = CodeCapacity, err.Error()
		m.cloud.cfg.Log(e)
		return nil, err
	}
	addr := addrPort(conn.LocalAddr())
	c := &relayedConn{UDPConn: conn, log: m.cloud.cfg.Log, closing: func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		delete(m.relayed, addr)
	}}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.relayed[addr] = c
	return c, nil
}

// created hears of a new allocation before its client does.
func (m *media) created(who fiveTuple, username string, relayed net.Addr) {
	s, _ := openTURNUsername(username)
	e := m.event(EventAllocationCreated, who)
	e.Session, e.Relayed = s.Name, addrPort(relayed)
	m.mu.Lock()
	c := m.relayed[e.Relayed]
	m.clients[who] = c
	m.live[liveUser{who.proto, who.from, username}]++
	m.mu.Unlock()
	c.begin(e)
	m.cloud.cfg.Log(e)
}

// deleted hears of the end of an allocation.
func (m *media) deleted(who fiveTuple, username string) {
	user := liveUser{who.proto, who.from, username}
	m.mu.Lock()
	c := m.clients[who]
	delete(m.clients, who)
	if m.live[user]--; m.live[user] == 0 {
		delete(m.live, user)
	}
	m.mu.Unlock()
	m.cloud.cfg.Log(c.event(EventAllocationDeleted))
}

// allows says whether a client may reach a peer, whatever its port: only SD-RTN.
func (m *media) allows(who fiveTuple, peer net.IP) bool {
	ip := ipOf(peer)
	for _, prefix := range m.cloud.cfg.Peers {
		if prefix.Contains(ip) {
			return true
		}
	}
	m.mu.Lock()
	c := m.clients[who]
	m.mu.Unlock()
	e := m.event(EventPermissionRefused, who)
	if c != nil {
		e = c.event(EventPermissionRefused)
	}
	e.Peer, e.Code, e.Detail = netip.AddrPortFrom(ip, 0), CodePeer, "the peer is not SD-RTN"
	m.cloud.cfg.Log(e)
	return false
}

// permit hears of a permission that begins or ends.
func (m *media) permit(relayed net.Addr, peer net.IP, yes bool) {
	m.mu.Lock()
	c := m.relayed[addrPort(relayed)]
	m.mu.Unlock()
	if c != nil {
		c.permit(ipOf(peer), yes)
	}
}

func openUDP(n transport.Net, at netip.AddrPort) (transport.UDPConn, error) {
	conn, err := n.ListenUDP("udp", net.UDPAddrFromAddrPort(at))
	if err != nil {
		return nil, fmt.Errorf("listen on UDP %v: %w", at, err)
	}
	_ = conn.SetReadBuffer(socketBuffer) // less is a slower relay, not a broken one
	_ = conn.SetWriteBuffer(socketBuffer)
	return conn, nil
}

// ipOf is an address without the 4-in-6 form; the zero Addr, which no prefix contains, if it is none.
func ipOf(ip net.IP) netip.Addr {
	a, _ := netip.AddrFromSlice(ip)
	return a.Unmap()
}

// network is how a client came: "TCP" or "UDP".
func network(a net.Addr) string {
	if _, ok := a.(*net.TCPAddr); ok {
		return "TCP"
	}
	return "UDP"
}
