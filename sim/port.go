package sim

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"sync"
	"time"

	"github.com/proxyspec/proxyspec/sim/internal/device"
)

// Port is a place where the network is open: the packets that reach it go to whoever made it, as bytes,
// and the bytes that come from there are packets on its link. With a TUN device it joins the network to
// a kernel. It forwards nothing itself and looks at no address.
type Port struct {
	net    *Network
	name   string
	number uint64
	rw     io.ReadWriteCloser
	beyond []netip.Prefix
	nic    *nic
	taps   *taps // nil: nobody watches
	sent   uint64

	mu     sync.Mutex
	in     []*Packet
	marked bool
	out    [][]byte
	more   chan struct{} // holds a value while there is something in out
	count  PortCount
}

// PortCount is what has passed through a port.
type PortCount struct {
	In, Out uint64
	Bad     uint64 // read, but no packet that this network could carry; it was dropped
	Lost    uint64 // not written: the far side was too slow, or refused it
	LastBad error  // what was wrong with the last of each
	LastOut error
}

// portQueue is how many packets wait for a slow far side, as in a TUN device.
const portQueue = 8192

// Port makes a port. Each Read of rw must give one packet, from its IP header on, and each Write takes one, or
// WritePackets([][]byte) (int, error) several, if it has that; prefixes are the addresses beyond. Its packets move while
// Serve of the network and of the port both run.
func (n *Network) Port(name string, rw io.ReadWriteCloser, prefixes ...netip.Prefix) *Port {
	n.claim(name)
	n.ports++
	return &Port{net: n, name: name, number: portNumbers | n.ports, rw: rw, beyond: prefixes, more: make(chan struct{}, 1)}
}

// Tap has f called for every packet that reaches the port or comes from it, on the loop's goroutine: f
// must not wait for the network.
func (p *Port) Tap(f func(Sighting)) { p.watch(lent(f)) }

func (p *Port) watch(f func(*Sighting)) { p.taps = p.taps.with(f) }

// Count is what has passed so far.
func (p *Port) Count() PortCount {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.count
}

// Serve reads and writes until ctx ends, or reading fails. Then it closes rw and returns; nil if ctx
// ended or rw was at its end.
func (p *Port) Serve(ctx context.Context) error {
	closed := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(closed)
		_ = p.rw.Close()
	})
	over, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		p.write(over)
	}()
	err := p.read()
	close(over)
	if stop() {
		_ = p.rw.Close()
	} else {
		<-closed // reading ends before closing does, and a device's name is free for the next only then
	}
	<-done
	if ctx.Err() != nil || errors.Is(err, io.EOF) {
		return nil
	}
	return fmt.Errorf("port %s: read a packet: %w", p.name, err)
}

func (p *Port) read() error {
	buf := make([]byte, 0xffff)
	for {
		n, err := p.rw.Read(buf)
		if err != nil {
			return err
		}
		p.take(buf[:n])
	}
}

// take puts what was read into the network.
func (p *Port) take(wire []byte) {
	packet, err := Parse(append([]byte(nil), wire...))
	if err == nil && packet.Length() > MTU {
		err = fmt.Errorf("%v is longer than the MTU, %d: give the device beyond the port an MTU of %d", packet, MTU, MTU)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if err != nil {
		p.count.Bad++
		p.count.LastBad = err
		return
	}
	p.count.In++
	p.in = append(p.in, packet)
	if !p.marked {
		p.marked = true
		p.net.mark(p)
	}
}

func (p *Port) write(over <-chan struct{}) {
	for {
		select {
		case <-p.more:
		case <-over:
			return
		}
		p.mu.Lock()
		out := p.out
		p.out = nil
		p.mu.Unlock()
		for len(out) > 0 {
			n, err := device.WritePackets(p.rw, out)
			out = out[n:]
			p.mu.Lock()
			p.count.Out += uint64(n)
			if err != nil {
				p.lose(err)
				out = out[1:]
			}
			p.mu.Unlock()
		}
	}
}

// lose counts a packet that was not written. p.mu is held.
func (p *Port) lose(err error) {
	p.count.Lost++
	p.count.LastOut = err
}

func (p *Port) order() uint64 { return p.number }

func (p *Port) flush(now time.Duration) bool {
	p.mu.Lock()
	in := p.in
	p.in, p.marked = nil, false
	p.mu.Unlock()
	for _, packet := range in {
		if p.nic == nil {
			continue
		}
		p.sent++
		p.net.books.Sent++
		packet.flow, packet.number = p.number, p.sent
		if p.taps != nil {
			p.taps.see(Sighting{At: now, Node: p.name, Out: true, Packet: packet})
		}
		p.nic.send(now, packet)
	}
	return false
}

var errPortFull = fmt.Errorf("%d packets wait already", portQueue)

func (p *Port) arrive(now time.Duration, packet *Packet, _ *nic) (woke bool) {
	p.net.books.Arrived++
	if p.taps != nil {
		p.taps.see(Sighting{At: now, Node: p.name, Packet: packet})
	}
	wire, err := packet.Marshal()
	packet.free()
	p.mu.Lock()
	defer p.mu.Unlock()
	if err == nil && len(p.out) >= portQueue {
		err = errPortFull
	}
	if err != nil {
		p.lose(err)
		return false
	}
	p.out = append(p.out, wire)
	select {
	case p.more <- struct{}{}:
	default:
	}
	return true
}

func (p *Port) label() string            { return p.name }
func (p *Port) network() *Network        { return p.net }
func (p *Port) prefixes() []netip.Prefix { return p.beyond }

func (p *Port) attached(c *nic, _ []netip.Prefix) {
	if p.nic != nil {
		panic(fmt.Sprintf("sim: port %s has a link already", p.name))
	}
	p.nic = c
}
