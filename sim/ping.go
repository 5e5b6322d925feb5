package sim

import (
	"context"
	"fmt"
	"net/netip"
	"time"
)

// ping waits for the answer to an echo.
type ping struct {
	host *Host
	to   netip.Addr
	id   uint16
	done chan error
}

// Ping sends an echo request of ICMP and waits for the answer: how long it took, or the error that came
// instead. Nobody sends it again.
func (h *Host) Ping(ctx context.Context, to netip.Addr) (time.Duration, error) {
	to = to.Unmap().WithZone("")
	if err := h.reachable(to); err != nil {
		return 0, fmt.Errorf("ping %v from %s: %w", to, h.name, err)
	}
	p := &ping{host: h, to: to, done: make(chan error, 1)}
	h.mu.Lock()
	if h.lastPing++; h.lastPing == 0 {
		h.lastPing = 1 // 0 is none
	}
	p.id = h.lastPing
	if h.pings == nil {
		h.pings = map[uint16]*ping{}
	}
	h.pings[p.id] = p
	h.mu.Unlock()
	defer func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		delete(h.pings, p.id)
	}()
	start := h.net.now()
	h.net.mark(p)
	select {
	case err := <-p.done:
		if err != nil {
			return 0, fmt.Errorf("ping %v from %s: %w", to, h.name, err)
		}
		return h.net.now() - start, nil
	case <-ctx.Done():
		return 0, fmt.Errorf("ping %v from %s: %w", to, h.name, ctx.Err())
	}
}

// order puts pings after the host's sockets.
func (p *ping) order() uint64 { return p.host.index<<32 | 0xffff<<16 | uint64(p.id) }

func (p *ping) flush(now time.Duration) bool {
	q := newICMP(echoRequest, p.host.source(p.to), p.to)
	q.identify(p.id)
	q.ICMP.Rest, q.ICMP.Body = 1, make([]byte, 56) // as the program of that name
	p.host.send(now, q)
	return false
}

// echoed ends the ping that a packet answers: an echo reply, or an error about the request.
func (h *Host) echoed(p *Packet) (woke bool) {
	id, err := p.Dst.Port(), error(nil)
	if about := p.ICMP.About; about != nil {
		id, err = about.Src.Port(), fmt.Errorf("%v", p)
	}
	h.mu.Lock()
	waiting := h.pings[id]
	h.mu.Unlock()
	if waiting == nil {
		return false
	}
	select {
	case waiting.done <- err:
	default: // a duplicate
	}
	return true
}
