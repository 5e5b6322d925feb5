package relay

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"sync"

	"github.com/pion/transport/v3"

	"github.com/proxyspec/proxyspec/relay/turn"
)

// Relay carries messages and media between clients and SD-RTN: steps 3 and 4 of a proxied call. Its
// methods are for one goroutine at a time.
type Relay struct {
	cloud *Cloud
	name  string
	net   transport.Net

	messagePorts []net.Listener // nil: not listening
	turn         *turnServer

	draining  chan struct{}
	drainOnce sync.Once
}

// Relay is a new relay, which isn't running yet. The name is that of one of Config.Relays.
func (c *Cloud) Relay(name string, net transport.Net) *Relay {
	return &Relay{cloud: c, name: name, net: net, draining: make(chan struct{})}
}

// Listen opens every message, UDP and TCP port of the relay's site: from here on clients that connect
// will be served. Serve must follow, because it closes the ports. After an error none is open.
func (r *Relay) Listen() (err error) {
	i := slices.IndexFunc(r.cloud.cfg.Relays, func(s RelaySite) bool { return s.Name == r.name })
	if i < 0 {
		return fmt.Errorf("relay %q is not one of Config.Relays", r.name)
	}
	site := r.cloud.cfg.Relays[i]
	media, err := newTURNServer(newMedia(r.cloud, r.name, r.net, site.Addr))
	if err != nil {
		return err
	}
	var messagePorts []net.Listener
	defer func() {
		if err != nil {
			media.close()
			for _, l := range messagePorts {
				l.Close()
			}
		}
	}()
	doors := r.cloud.doors(r.name, PurposeMessages)
	listenMessages := func(at netip.AddrPort) (netip.AddrPort, error) {
		l, at, err := doors.listenTCP(r.net, at)
		if err == nil {
			messagePorts = append(messagePorts, l)
		}
		return at, err
	}
	if site.MessagePorts, err = eachPort(site, site.MessagePorts, listenMessages); err != nil {
		return err
	}
	if site.UDPPorts, err = eachPort(site, site.UDPPorts, media.listenUDP); err != nil {
		return err
	}
	if site.TCPPorts, err = eachPort(site, site.TCPPorts, media.listenTCP); err != nil {
		return err
	}
	r.messagePorts, r.turn = messagePorts, media
	r.cloud.bound(site)
	return nil
}

// eachPort listens on each port and returns the ports that it got.
func eachPort(site RelaySite, ports []int, listen func(netip.AddrPort) (netip.AddrPort, error)) ([]int, error) {
	var got []int
	for _, port := range ports {
		at, err := listen(netip.AddrPortFrom(site.Addr, uint16(port)))
		if err != nil {
			return nil, err
		}
		got = append(got, int(at.Port()))
	}
	return got, nil
}

// Serve relays until ctx ends, then closes every connection and allocation, waits for all of its
// goroutines and returns nil: within 10 s, which is what open WebSockets have to take and answer a close
// frame. It listens first unless Listen did. Any other error is that of a port that broke.
func (r *Relay) Serve(ctx context.Context) error {
	if r.messagePorts == nil {
		if err := r.Listen(); err != nil {
			return err
		}
	}
	defer func() { r.messagePorts = nil }()

	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var mediaErr error
	var running sync.WaitGroup
	running.Go(func() {
		if mediaErr = r.turn.serve(ctx, r.draining); mediaErr != nil {
			stop()
		}
	})
	handler := http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) { r.messages(ctx, w, req) })
	err := serveHTTPS(ctx, r.draining, r.messagePorts, r.cloud.cfg.TLS, r.cloud.cfg.Wrap(handler), func(line string) {
		r.cloud.cfg.Log(Event{Name: EventServerError, Node: r.name, Purpose: PurposeMessages, Proto: "TCP", Detail: line})
	})
	if err != nil {
		stop()
	}
	running.Wait()
	return errors.Join(err, mediaErr)
}

// Drain has the relay take no new connection and, from here on, no new allocation. What is there goes on, and when the
// last of it has ended Serve returns. It may be called from any goroutine; afterwards the relay can't serve again.
func (r *Relay) Drain() {
	if t := r.turn; t != nil {
		t.refuse()
	}
	r.drainOnce.Do(func() { close(r.draining) })
}

// MediaTraffic is what a relay's media has come to.
type MediaTraffic struct {
	Totals      turn.Totals
	Allocations []AllocationTraffic
}

// AllocationTraffic is that of one allocation so far: in, out and dropped, each way.
type AllocationTraffic struct {
	Session  string
	Proto    string // as in Event
	Up, Down [3]turn.Traffic
}

// Media counts a relay's media since it began to listen. It may be called from any goroutine while the relay serves.
func (r *Relay) Media() (m MediaTraffic) {
	t := r.turn
	if t == nil {
		return m
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	m.Totals = t.core.Totals()
	t.core.Each(func(a *turn.Allocation) {
		s, _ := openTURNUsername(a.Username)
		up, down := a.Traffic()
		m.Allocations = append(m.Allocations, AllocationTraffic{Session: s.Name, Proto: proto(a.Client), Up: up, Down: down})
	})
	return m
}

// Site is where the relay is, with the ports that it got if it listens.
func (r *Relay) Site() RelaySite {
	r.cloud.mu.Lock()
	defer r.cloud.mu.Unlock()
	for _, s := range r.cloud.sites {
		if s.Name == r.name {
			return s
		}
	}
	return RelaySite{Name: r.name}
}
