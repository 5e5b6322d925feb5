package steps

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/pion/stun/v3"

	"github.com/proxyspec/proxyspec/conformance/result"
	"github.com/proxyspec/proxyspec/conformance/runner"
	"github.com/proxyspec/proxyspec/conformance/timeline"
	"github.com/proxyspec/proxyspec/conformance/world"
	"github.com/proxyspec/proxyspec/sim"
	"github.com/proxyspec/proxyspec/sim/firewall"
)

// probe is one destination that alice's computer tried, without any SDK.
type probe struct {
	proto    string
	from     netip.Addr
	source   uint16 // source port; 0: any
	after    int    // the timeline's last event before it
	to       netip.AddrPort
	answered bool
	refused  bool // by an ICMP error or a reset
	took     time.Duration
}

// probeTime is how long a probe waits for an answer: an order of magnitude above the round trip.
const probeTime = 2 * time.Second

func (s *scene) probeSteps() []runner.Definition {
	return []runner.Definition{
		{
			Expr: `^(?P<host>[\w-]+)'s computer tries (TCP|UDP) (?P<address>[0-9a-f:.]+) on ports "([^"]*)"$`,
			Do:   func(host, proto, address, ports string) error { return s.tryPorts(host, proto, address, ports, nil) },
			Says: `Opens a TCP connection, or sends a STUN Binding request over UDP, to each of the ports ("443, 4000, 3433-3460"). The host may be anybody's: "alice", "printer", "relay-1". By IPv6 alice's is "alice-ipv6".`,
		},
		{
			Expr: `^(?P<host>[\w-]+)'s computer pings (?P<address>[0-9a-f:.]+)$`,
			Do:   s.ping,
			Says: "Sends one echo request of ICMP, or of ICMPv6 to an IPv6 address.",
		},
		{
			Expr: `^alice's computer tries (TCP|UDP) (?P<address>[0-9.]+) on ports "([^"]*)" from each of the source ports "([^"]*)"$`,
			Do: func(proto, address, ports, sources string) error {
				list, err := parsePorts(sources)
				if err != nil {
					return err
				}
				return s.tryPorts(world.Alice, proto, address, ports, list)
			},
			Says: "As above, once from each source port.",
		},
		{
			Expr: `^the firewall let all (?P<count>\d+) through by row (?P<row>\w+)$`,
			Do:   func(n int, row string) error { return s.judged(n, "allow", row) },
			Says: "The first packet of each probe was allowed, by this row of the policy.",
		},
		{
			Expr: `^the firewall dropped all (?P<count>\d+) by its (default|unsolicited) rule$`,
			Do:   func(n int, rule string) error { return s.judged(n, "drop", rule) },
			Says: "The first packet of each probe was dropped, and not by a row: nothing allows it (default), or it came from outside and answers nothing (unsolicited).",
		},
		{
			Expr: `^(?P<host>[\w-]+) answered all (?P<count>\d+)$`,
			Do:   s.probesAnswered,
			Says: "Every probe was answered: a connection was accepted, or a Binding response came.",
		},
		{
			Expr: `^nobody answered$`,
			Do:   s.nobodyAnswered,
			Says: "No probe was answered.",
		},
		{
			Expr: `^each probe was (refused at once|left without an answer)$`,
			Do:   s.refusedOrSilent,
			Says: "Refused at once: the firewall said no, within a tenth of a second. Left without an answer: it said nothing.",
		},
	}
}

// tryPorts probes each port, from each of the source ports if there are any.
func (s *scene) tryPorts(who, proto, address, ports string, sources []uint16) error {
	addr, err := netip.ParseAddr(address)
	if err != nil {
		return result.Mistake("%q is not an IP address", address)
	}
	list, err := parsePorts(ports)
	if err != nil {
		return err
	}
	if len(sources) == 0 {
		sources = []uint16{0}
	}
	s.probes = nil
	for _, port := range list {
		for _, source := range sources {
			s.probes = append(s.probes, probe{proto: proto, to: netip.AddrPortFrom(addr, port), source: source})
		}
	}
	return s.tryAll(who, probeTime)
}

// ping sends an echo request.
func (s *scene) ping(who, address string) error {
	addr, err := netip.ParseAddr(address)
	if err != nil {
		return result.Mistake("%q is not an IP address", address)
	}
	proto := firewall.ICMP
	if addr.Is6() {
		proto = firewall.ICMPv6
	}
	s.probes = []probe{{proto: proto.String(), to: netip.AddrPortFrom(addr, 0)}}
	return s.tryAll(who, probeTime)
}

// tryAll sends the scene's probes from a host, and waits until each has been answered or given up.
func (s *scene) tryAll(who string, limit time.Duration) error {
	if err := s.world.Up(); err != nil {
		return err
	}
	host, err := s.world.Host(who)
	if err != nil {
		return err
	}
	before := len(s.world.Timeline.Events())
	var wait sync.WaitGroup
	for i := range s.probes {
		p := &s.probes[i]
		p.from, p.after = host.Addr(), before
		// One after the other, by a hair: which of two goroutines of one instant runs first is chance, and
		// with it who gets which source port.
		wait.Go(func() {
			time.Sleep(time.Duration(i) * time.Microsecond)
			began := time.Now()
			p.answered, p.refused = try(host, p, limit)
			p.took = time.Since(began)
		})
	}
	wait.Wait()
	return nil
}

// parsePorts reads "443, 4000, 3433-3460".
func parsePorts(text string) (ports []uint16, err error) {
	for part := range strings.SplitSeq(text, ",") {
		first, last, isRange := strings.Cut(strings.TrimSpace(part), "-")
		if !isRange {
			last = first
		}
		a, err1 := strconv.ParseUint(first, 10, 16)
		b, err2 := strconv.ParseUint(last, 10, 16)
		if err1 != nil || err2 != nil || a > b {
			return nil, result.Mistake("%q is neither a port nor a range of ports: write \"443\" or \"3433-3460\"", part)
		}
		for p := a; p <= b; p++ {
			ports = append(ports, uint16(p))
		}
	}
	return ports, nil
}

// try tells whether somebody answers there, or says no.
func try(host *sim.Host, p *probe, limit time.Duration) (answered, refused bool) {
	switch p.proto {
	case "TCP":
		return tryTCP(host, p, limit)
	case "UDP":
		return tryUDP(host, p, limit)
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	_, err := host.Ping(ctx, p.to.Addr())
	return err == nil, err != nil && ctx.Err() == nil
}

func tryUDP(host *sim.Host, p *probe, limit time.Duration) (answered, refused bool) {
	local := &net.UDPAddr{Port: int(p.source)}
	conn, err := host.DialUDP("udp", local, net.UDPAddrFromAddrPort(p.to))
	if err != nil {
		return false, false
	}
	defer func() { _ = conn.Close() }()
	request, err := stun.Build(stun.TransactionID, stun.BindingRequest, stun.Fingerprint)
	if err != nil {
		return false, false
	}
	if _, err := conn.Write(request.Raw); err != nil {
		return false, false
	}
	_ = conn.SetReadDeadline(time.Now().Add(limit))
	buf := make([]byte, 1500)
	n, err := conn.Read(buf)
	if err != nil {
		return false, !errors.Is(err, os.ErrDeadlineExceeded)
	}
	answer := &stun.Message{Raw: buf[:n]}
	return answer.Decode() == nil && answer.TransactionID == request.TransactionID && answer.Type == stun.BindingSuccess, false
}

func tryTCP(host *sim.Host, p *probe, limit time.Duration) (answered, refused bool) {
	local := &net.TCPAddr{Port: int(p.source)}
	conn, err := host.CreateDialer(&net.Dialer{Timeout: limit, LocalAddr: local}).Dial("tcp", p.to.String())
	if err != nil {
		return false, !errors.Is(err, context.DeadlineExceeded)
	}
	_ = conn.Close()
	return true, false
}

// first is the first packet of a probe that the firewall saw.
func (s *scene) first(p probe) (timeline.Event, bool) {
	for _, e := range s.find(atWall, from(p.from), to(p.to.Addr())) {
		if e.Seq > p.after && e.Proto == p.proto && (e.To == p.to || p.to.Port() == 0) && // a ping's port is its number
			(p.source == 0 || e.From.Port() == p.source) {
			return e, true
		}
	}
	return timeline.Event{}, false
}

// judged judges the firewall's verdict on the first packet of each probe.
func (s *scene) judged(n int, verdict, rule string) error {
	if err := s.probed(); err != nil {
		return err
	}
	var wrong []timeline.Event
	right := 0
	for _, p := range s.probes {
		e, seen := s.first(p)
		switch {
		case seen && e.Verdict == verdict && e.Rule == rule:
			right++
		case seen:
			wrong = append(wrong, e)
		}
	}
	if right == n && len(s.probes) == n {
		return nil
	}
	return &result.Failure{
		Message:  "the firewall judged some probes otherwise",
		Expected: fmt.Sprintf("%d probes, each with %s by %s", n, verdict, rule),
		Actual:   fmt.Sprintf("%d of %d probes were", right, len(s.probes)),
		Events:   few(wrong),
		Decides:  firstOf(wrong),
	}
}

// probed refuses a step that judges probes where there are none: that nobody answered would be true.
func (s *scene) probed() error {
	if len(s.probes) == 0 {
		return result.Mistake("no probe was sent: a step before this one must")
	}
	return nil
}

func (s *scene) nobodyAnswered() error {
	if err := s.probed(); err != nil {
		return err
	}
	for _, p := range s.probes {
		if p.answered {
			return &result.Failure{
				Message:  "a probe was answered",
				Expected: "no answer from anybody",
				Actual:   fmt.Sprintf("%s %v answered", p.proto, p.to),
			}
		}
	}
	return nil
}

// atOnce is well above the way to the firewall and back, and well below any retransmission.
const atOnce = 100 * time.Millisecond

func (s *scene) refusedOrSilent(how string) error {
	if err := s.probed(); err != nil {
		return err
	}
	for _, p := range s.probes {
		if how == "refused at once" && p.refused && p.took < atOnce || how != "refused at once" && !p.refused && !p.answered {
			continue
		}
		return &result.Failure{
			Message:  "a probe was not " + how,
			Expected: how,
			Actual:   fmt.Sprintf("%s %v: answered %t, refused %t, after %v", p.proto, p.to, p.answered, p.refused, p.took),
		}
	}
	return nil
}

func (s *scene) probesAnswered(server string, n int) error {
	if err := s.probed(); err != nil {
		return err
	}
	answered := 0
	var silent []string
	for _, p := range s.probes {
		if name := s.world.NameOf(p.to.Addr()); name != server {
			return result.Mistake("the probes went to %s, not to %s", name, server)
		}
		if p.answered {
			answered++
		} else {
			silent = append(silent, fmt.Sprintf("%s %v", p.proto, p.to))
		}
	}
	if answered == n && len(s.probes) == n {
		return nil
	}
	return &result.Failure{
		Message:  server + " did not answer every probe",
		Expected: fmt.Sprintf("%d answers", n),
		Actual:   fmt.Sprintf("%d answers; none from %s", answered, strings.Join(silent[:min(len(silent), 5)], ", ")),
	}
}
