package relay

import (
	"net/netip"
	"time"

	"github.com/proxyspec/proxyspec/relay/batch"
	"github.com/proxyspec/proxyspec/relay/turn"
)

// hand carries out what the core says. Each goroutine that talks to the core has its own, but for those of relayed
// transport addresses: each of these is idle for most of the time, and borrows one for each datagram.
type hand struct {
	server *turnServer
	out    turn.Output
	writer batch.Writer
	lost   func(tag int) // undelivered as a value, which costs memory to make
	queued []*stream     // with something to flush, some of them more than once
	ended  []*stream     // to be closed
}

func (s *turnServer) newHand() *hand {
	h := &hand{server: s}
	h.lost = func(i int) { s.undelivered(&h.out.Actions[i]) }
	return h
}

// fromClient handles one message of a client.
func (h *hand) fromClient(c turn.Client, message []byte) {
	s := h.server
	s.mu.Lock()
	if !s.stopped {
		s.core.FromClient(&h.out, time.Now(), c, message)
		s.arm()
	}
	s.mu.Unlock()
	h.act()
}

// fromPeer handles one datagram of a peer.
func (h *hand) fromPeer(socket *turn.Socket, peer netip.AddrPort, payload []byte) {
	s := h.server
	s.mu.Lock()
	s.core.FromPeer(&h.out, time.Now(), socket, peer, payload)
	s.mu.Unlock()
	h.act()
}

// lose handles the end of the socket of a relayed transport address, unless it was the core that closed it.
func (h *hand) lose(socket *turn.Socket) {
	s := h.server
	s.mu.Lock()
	s.core.Lost(&h.out, socket)
	s.mu.Unlock()
	h.act()
}

// fromGroup handles what a group has read: the core hears of all of it at once.
func (h *hand) fromGroup(arrivals []batch.Arrival) {
	s := h.server
	s.mu.Lock()
	now := time.Now()
	for i := range arrivals {
		d := &arrivals[i]
		switch owner := d.Socket.Owner.(type) {
		case *packetConn:
			if owner.relayed != nil {
				s.core.FromPeer(&h.out, now, owner.relayed, d.From, d.Payload)
			} else if !s.stopped {
				client := turn.Client{FiveTuple: turn.FiveTuple{Client: d.From, Server: d.Socket.Addr()}, Via: owner}
				s.core.FromClient(&h.out, now, client, d.Payload)
			}
		case *stream:
			h.fromStream(owner, d, now)
		}
	}
	s.arm()
	s.mu.Unlock()
	h.act()
	if len(h.ended) > 0 {
		h.bury()
	}
}

// bury ends connections, once they have been written what there was room for.
func (h *hand) bury() {
	s := h.server
	s.mu.Lock()
	for _, c := range h.ended {
		s.gone(h, c)
	}
	s.mu.Unlock()
	h.act()
	for _, c := range h.ended {
		c.close()
	}
	clear(h.ended)
	h.ended = h.ended[:0]
}

// fromStream handles what a group has read from a connection, or knows of it. The server's lock is held.
func (h *hand) fromStream(c *stream, d *batch.Arrival, now time.Time) {
	s := h.server
	if d.Room {
		c.room()
		h.queued = append(h.queued, c)
		return
	}
	lost := c.take(d.Payload, func(message []byte) {
		if !s.stopped {
			s.core.FromClient(&h.out, now, c.client, message)
		}
	})
	if d.Ended || lost != nil {
		h.ended = append(h.ended, c)
	}
}

// act carries out what the core said, in its order: so an event is in the log before anyone else can know.
func (h *hand) act() {
	s := h.server
	for i := 0; i < len(h.out.Actions); i++ { // opening a socket adds more
		a := &h.out.Actions[i]
		s.media.log(a)
		switch a.Kind {
		case turn.Open:
			s.open(&h.out, *a)
		case turn.Close:
			h.writer.Flush(h.lost) // what is still to go through this socket
			a.Socket.Owner.(*packetConn).Close()
		case turn.ToPeer:
			h.write(a.Socket.Owner.(*packetConn), i, a.Peer)
		case turn.ToClient:
			switch via := a.Client.Via.(type) {
			case *packetConn:
				h.write(via, i, a.Client.Client)
			case *stream:
				if !via.send(a) {
					s.undelivered(a)
				} else if n := len(h.queued); n == 0 || h.queued[n-1] != via {
					h.queued = append(h.queued, via)
				}
			}
		case turn.Created:
			if c, ok := a.Client.Via.(*stream); ok {
				c.allocated(true)
			}
			if relayed := a.Socket.Owner.(*packetConn); relayed.socket == nil {
				s.serveRelayed(relayed)
			}
		case turn.Deleted:
			if c, ok := a.Client.Via.(*stream); ok {
				c.allocated(false)
			}
			s.ended()
		}
	}
	h.writer.Flush(h.lost)
	for _, c := range h.queued {
		c.flush()
	}
	clear(h.queued)
	h.queued = h.queued[:0]
	h.out.Reset()
}

// write sends the payload of the i-th action: at once, or with others when all have been looked at.
func (h *hand) write(conn *packetConn, i int, to netip.AddrPort) {
	payload := h.out.Actions[i].Payload
	if conn.socket == nil {
		if _, err := conn.write(payload, to); err != nil {
			h.server.undelivered(&h.out.Actions[i])
		}
		return
	}
	if h.writer.Full() {
		h.writer.Flush(h.lost)
	}
	h.writer.Add(conn.socket, payload, to, i)
}

// undelivered takes back a packet that couldn't be written.
func (s *turnServer) undelivered(a *turn.Action) {
	if a.Kind == turn.ToClient && !a.Data {
		return // an answer: its client asks again
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.core.Undelivered(*a)
}

// open opens the sockets of relayed transport addresses, and tells the core.
func (s *turnServer) open(out *turn.Output, a turn.Action) {
	at, err := s.openPorts(a)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		s.core.NotOpened(out, a.Client.FiveTuple, a.Socket, err)
		return
	}
	s.core.Opened(out, time.Now(), a.Client.FiveTuple, a.Socket, at)
	s.arm()
}
