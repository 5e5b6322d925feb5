package steps

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/proxyspec/proxyspec/conformance/result"
	"github.com/proxyspec/proxyspec/conformance/runner"
	"github.com/proxyspec/proxyspec/conformance/timeline"
	"github.com/proxyspec/proxyspec/conformance/world"
	"github.com/proxyspec/proxyspec/relay"
	"github.com/proxyspec/proxyspec/relay/check"
	"github.com/proxyspec/proxyspec/sim"
)

// rawClient is the host that speaks TURN without any SDK: outside the office, so that no firewall is in its way.
const rawClient = "carol"

func (s *scene) rowSteps() []runner.Definition {
	return []runner.Definition{
		{
			Expr: `^a raw TURN client runs the rows of (CP-RLY-\d\d) against ([\w-]+) over (UDP|TCP)$`,
			Do:   s.runRows,
			Says: "Each row sends what it says, with credentials from a lookup, to the relay's first port, with two of SD-RTN's gateways as peers; expiries take place in the world's time. `proxyspec relay check` runs the same rows against any TURN server.",
		},
		{
			Expr: `^every row passed$`,
			Do:   s.rowsPassed,
			Says: "What came back was what the RFC demands, for each row.",
		},
	}
}

func (s *scene) runRows(requirement, server, proto string) error {
	if err := s.world.Up(); err != nil {
		return err
	}
	target, err := s.rowTarget(server, proto)
	if err != nil {
		return err
	}
	s.rows = nil
	for _, row := range check.Rows() {
		if row.Requirement != requirement || !row.Fits(target) {
			continue
		}
		r := row.Run(target)
		s.rows = append(s.rows, r)
		s.world.Timeline.Add(timeline.Event{
			Kind: timeline.KindWorld, Actor: rawClient, Name: "row", Proto: proto, Code: string(r.Outcome),
			Detail: fmt.Sprintf("%s: sent %s, got %s", r.ID, r.Sends, r.Got),
		})
	}
	if len(s.rows) == 0 {
		return result.Mistake("%s has no row over %s", requirement, proto)
	}
	return nil
}

// rowTarget is a relay as the rows see it.
func (s *scene) rowTarget(server, proto string) (check.Target, error) {
	client, err := s.world.Host(rawClient)
	if err != nil {
		return check.Target{}, err
	}
	node, err := s.world.Host(server)
	if err != nil {
		return check.Target{}, err
	}
	t := check.Target{
		Stream: proto == "TCP",
		Quota:  relay.MaxAllocations,
		// IPv4 and UDP take 28 bytes of a packet; sim has no fragments.
		MaxDatagram: sim.MTU - 28,
		Sleep:       time.Sleep,
		Exhaust: func() (func(), error) {
			return takePorts(node)
		},
		Forbidden: []netip.Addr{
			s.world.AddrOf("bob"), s.world.AddrOf(world.Alice), s.world.AddrOf("edge-1"), node.Addr(),
			netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("169.254.169.254"), netip.MustParseAddr("224.0.0.1"),
			netip.MustParseAddr("0.0.0.0"), netip.MustParseAddr("255.255.255.255"),
		},
	}
	if t.User, err = s.turnUser("1"); err != nil {
		return t, err
	}
	if t.Other, err = s.turnUser("2"); err != nil {
		return t, err
	}
	for _, p := range world.Gateways[:2] {
		host, err := s.world.Host(p.Name)
		if err != nil {
			return t, err
		}
		t.Peers = append(t.Peers, func() (net.PacketConn, error) {
			return host.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(p.Addr, 0)))
		})
	}
	port := 3478
	if t.Stream {
		port = 3433
	}
	at := netip.AddrPortFrom(node.Addr(), uint16(port)).String()
	t.Dial = func() (net.Conn, error) {
		ctx, cancel := context.WithTimeout(context.Background(), probeTime)
		defer cancel()
		return client.DialContext(ctx, strings.ToLower(proto), at)
	}
	return t, nil
}

// turnUser is the credentials that a lookup gives a user.
func (s *scene) turnUser(uid string) (check.Credentials, error) {
	i, err := s.world.Inquire(rawClient, world.Edges[0], map[string]string{
		"appId": world.AppID, "sdkVersion": "2.5.1", "channel": "rows", "uid": uid,
	})
	if err != nil {
		return check.Credentials{}, err
	}
	if len(i.Answer.ICEServers) == 0 {
		return check.Credentials{}, &result.Stop{Outcome: result.HarnessFault, Failure: result.Failure{
			Message: "the lookup gave no TURN credentials", Actual: fmt.Sprintf("status %d %s", i.Status, i.Refusal.Message)}}
	}
	server := i.Answer.ICEServers[0]
	return check.Credentials{Username: server.Username, Password: server.Credential}, nil
}

// takePorts opens a socket on every dynamic UDP port of a host that is free, as another program on it might.
func takePorts(host *sim.Host) (free func(), err error) {
	var taken []net.PacketConn
	free = func() {
		for _, c := range taken {
			_ = c.Close()
		}
	}
	for port := 49152; port <= 65535; port++ {
		c, err := host.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(host.Addr(), uint16(port))))
		if errors.Is(err, syscall.EADDRINUSE) {
			continue
		}
		if err != nil {
			free()
			return nil, err
		}
		taken = append(taken, c)
	}
	return free, nil
}

func (s *scene) rowsPassed() error {
	if len(s.rows) == 0 {
		return result.Mistake("no rows were run: a step before this one must")
	}
	var failed, ids []string
	for _, r := range s.rows {
		switch {
		case r.Outcome == check.Pass, r.Outcome == check.NotOffered && r.Optional:
			continue
		case r.Outcome == check.Broken:
			return &result.Stop{Outcome: result.HarnessFault, Failure: result.Failure{Message: r.String()}}
		}
		failed, ids = append(failed, r.String()), append(ids, r.ID)
	}
	if failed == nil {
		return nil
	}
	wrong := s.find(named("row"), func(e *timeline.Event) bool {
		id, _, _ := strings.Cut(e.Detail, ": ")
		return slices.Contains(ids, id)
	})
	return &result.Failure{
		Message:  fmt.Sprintf("%d of %d rows did not pass", len(failed), len(s.rows)),
		Expected: "every row passes",
		Actual:   strings.Join(failed, "; "),
		Events:   few(wrong),
		Decides:  firstOf(wrong),
	}
}
