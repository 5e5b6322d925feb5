//go:build linux

package main

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/proxyspec/proxyspec/relay/batch"
	"github.com/proxyspec/proxyspec/relay/turn"
)

// load is a kind of traffic.
type load struct {
	name        string
	clients     int
	size        int // of a payload, a multiple of 4
	burst       int // packets that one client sends at once
	perTick     int // bursts every tick
	tick        time.Duration
	tcp         bool
	indications bool
	trains      bool    // a burst, and its echo, is one train (UDP_SEGMENT)
	limit       float64 // of CPU, beside coturn; 0: it is not about CPU
}

var loads = []load{
	{name: "UDP 160 B, 100 clients", clients: 100, size: 160, burst: 1, perTick: 5, tick: time.Millisecond, limit: 0.75},
	{name: "UDP 1000 B, bursts of 8", clients: 100, size: 1000, burst: 8, perTick: 1, tick: time.Millisecond, limit: 0.75},
	// Four times as much. A wake-up costs every server alike, and at 5,000 packets/s it is a third of what there is.
	{name: "UDP 160 B, 20,000/s", clients: 100, size: 160, burst: 1, perTick: 20, tick: time.Millisecond, limit: 0.75},
	{name: "UDP 1000 B, 4 bursts/ms", clients: 100, size: 1000, burst: 8, perTick: 4, tick: time.Millisecond, limit: 0.75},
	{name: "UDP 1000 B, trains of 8", clients: 100, size: 1000, burst: 8, perTick: 1, tick: time.Millisecond, trains: true},
	{name: "UDP 1000 B, 4 trains/ms", clients: 100, size: 1000, burst: 8, perTick: 4, tick: time.Millisecond, trains: true},
	{name: "UDP 160 B, indications", clients: 100, size: 160, burst: 1, perTick: 5, tick: time.Millisecond, indications: true, limit: 1.1},
	{name: "TCP 160 B, 100 clients", clients: 100, size: 160, burst: 1, perTick: 5, tick: time.Millisecond, tcp: true, limit: 1},
	{name: "TCP 1000 B, bursts of 8", clients: 100, size: 1000, burst: 8, perTick: 1, tick: time.Millisecond, tcp: true, limit: 1},
	{name: "1000 packets/s", clients: 1, size: 160, burst: 1, perTick: 1, tick: time.Millisecond},
	{name: "200,000/s for 5 ms", clients: 100, size: 160, burst: 1, perTick: 1000, tick: 100 * time.Millisecond},
}

// A server that doesn't answer, or reads no more, makes a measurement fail, not hang.
const (
	gatherTime = 90 * time.Second // for the allocations of a crowd
	writeTime  = 10 * time.Second // for one write to a connection
)

// crowd is the clients and peers of one load at one server.
type crowd struct {
	load
	server  *server
	group   *batch.Group
	peers   []*batch.Socket
	sockets []*batch.Socket // of clients, over UDP
	conns   []net.Conn      // or TCP
	packets [][]byte
	writer  batch.Writer
	late    *time.Timer
	running sync.WaitGroup

	up, down atomic.Int64
	mu       sync.Mutex
	ages     []time.Duration
}

// turnOf is what one server's turn came to.
type turnOf struct {
	cpu             time.Duration
	sent, up, down  int64
	median, slowest time.Duration // of a packet's way there and back
}

func (l load) gather(s *server) (*crowd, error) {
	c := &crowd{load: l, server: s}
	clientAddr = clientAddr.Next()
	host, err := batch.NewNet()
	if err != nil {
		return nil, err
	}
	if c.group, err = host.NewGroup(); err != nil {
		return nil, err
	}
	c.late = time.AfterFunc(gatherTime, c.group.Close)
	gathered := false
	defer func() {
		if !gathered {
			c.close()
		}
	}()
	var channel uint16
	if !l.indications {
		channel = 0x4000
	}
	for i := range l.clients {
		if i%10 == 0 { // ten clients a peer, as SD-RTN's gateways have many
			p, err := c.group.Listen(netip.AddrPortFrom(peerAddr, 0), true)
			if err != nil {
				return nil, err
			}
			c.peers = append(c.peers, p)
		}
		peer := c.peers[len(c.peers)-1].Addr()
		var ask exchange
		if l.tcp {
			conn, err := (&net.Dialer{LocalAddr: net.TCPAddrFromAddrPort(netip.AddrPortFrom(clientAddr, 0))}).Dial("tcp", s.at.String())
			if err != nil {
				return nil, err
			}
			_ = conn.SetDeadline(time.Now().Add(gatherTime))
			c.conns = append(c.conns, conn)
			ask = overTCP(conn)
		} else {
			socket, err := c.group.Listen(netip.AddrPortFrom(clientAddr, 0), false)
			if err != nil {
				return nil, err
			}
			c.sockets = append(c.sockets, socket)
			ask = overUDP(c.group, socket, s.at)
		}
		if err := allocate(ask, s.user, s.password, peer, channel); err != nil {
			return nil, fmt.Errorf("%s: client %d of %d: %w", s.name, i+1, l.clients, err)
		}
		c.packets = append(c.packets, frame(channel, peer, l.size))
	}
	c.running.Go(c.read)
	for _, conn := range c.conns {
		_ = conn.SetDeadline(time.Time{})
		c.running.Go(func() { c.readStream(conn) })
	}
	gathered = c.late.Stop()
	if !gathered {
		return nil, fmt.Errorf("%s: %d allocations took more than %v", s.name, l.clients, gatherTime)
	}
	return c, nil
}

// read echoes what peers get and counts what clients get.
func (c *crowd) read() {
	var w batch.Writer
	lost := func(int) {}
	_ = c.group.Serve(func(datagrams []batch.Arrival) {
		for _, d := range datagrams {
			if d.Socket.Owner == true {
				c.up.Add(1)
				if w.Full() {
					w.Flush(lost)
				}
				w.Add(d.Socket, d.Payload, d.From, 0)
				if !c.trains {
					w.Flush(lost)
				}
				continue
			}
			c.arrived(d.Payload)
		}
		w.Flush(lost)
	})
}

func (c *crowd) arrived(packet []byte) {
	c.down.Add(1)
	if c.clients == 1 {
		c.mu.Lock()
		c.ages = append(c.ages, age(packet))
		c.mu.Unlock()
	}
}

func (c *crowd) readStream(conn net.Conn) {
	buf := make([]byte, 64<<10)
	held := 0
	for {
		n, err := conn.Read(buf[held:])
		if err != nil {
			return
		}
		held += n
		used := 0
		for {
			length, err := turn.Frame(buf[used:held])
			if err != nil || length == 0 || used+length > held {
				break
			}
			c.arrived(buf[used : used+length])
			used += length
		}
		held = copy(buf, buf[used:held])
	}
}

// run sends for a while and waits for what is on its way.
func (c *crowd) run(d time.Duration) (t turnOf, err error) {
	c.up.Store(0)
	c.down.Store(0)
	c.ages = c.ages[:0]
	before := c.server.cpu()
	next, client := time.Now(), 0
	for end := next.Add(d); next.Before(end); next = next.Add(c.tick) {
		time.Sleep(time.Until(next))
		began := time.Now()
		for i := range c.perTick {
			if c.perTick >= 1000 { // at 200,000 a second
				for time.Since(began) < time.Duration(i)*5*time.Microsecond {
				}
			}
			if err := c.send(client); err != nil {
				return t, err
			}
			t.sent += int64(c.burst)
			client = (client + 1) % c.clients
		}
	}
	for waited := 0; waited < 50 && c.down.Load() < t.sent; waited++ {
		time.Sleep(2 * time.Millisecond)
	}
	t.cpu = c.server.cpu() - before
	t.up, t.down = c.up.Load(), c.down.Load()
	c.mu.Lock()
	defer c.mu.Unlock()
	if n := len(c.ages); n > 0 {
		slices.Sort(c.ages)
		t.median, t.slowest = c.ages[n/2], c.ages[n*99/100]
	}
	return t, nil
}

func (c *crowd) send(client int) error {
	packet := c.packets[client]
	stamp(packet)
	lost := func(int) {}
	if c.tcp {
		all := packet
		for range c.burst - 1 {
			all = append(all[:len(all):len(all)], packet...)
		}
		_ = c.conns[client].SetWriteDeadline(time.Now().Add(writeTime))
		_, err := c.conns[client].Write(all)
		return err
	}
	for range c.burst {
		c.writer.Add(c.sockets[client], packet, c.server.at, 0)
		if !c.trains {
			c.writer.Flush(lost)
		}
	}
	c.writer.Flush(lost)
	return nil
}

func (c *crowd) close() {
	c.late.Stop()
	c.group.Close()
	for _, conn := range c.conns {
		conn.Close()
	}
	c.running.Wait()
	for _, s := range slices.Concat(c.peers, c.sockets) {
		s.Close()
	}
}
