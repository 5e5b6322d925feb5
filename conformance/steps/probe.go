package steps

import (
	"context"
	"fmt"
	"net/netip"
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
)

// probe is one destination that alice's computer tried, without any SDK.
type probe struct {
	proto    string
	to       netip.AddrPort
	answered bool
}

// probeTime is how long a probe waits for an answer: an order of magnitude above the round trip.
const probeTime = 2 * time.Second

func (s *scene) probeSteps() []runner.Definition {
	return []runner.Definition{
		{
			Expr: `^alice's computer tries (TCP|UDP) ([0-9.]+) on ports "([^"]*)"$`,
			Do:   s.tryPorts,
			Says: `Opens a TCP connection, or sends a STUN Binding request over UDP, to each of the ports ("443, 4000, 3433-3460").`,
		},
		{
			Expr: `^the firewall let all (\d+) through by row (\w+)$`,
			Do:   s.letThrough,
			Says: "The first packet of each probe was allowed, by this row of the policy.",
		},
		{
			Expr: `^([\w-]+) answered all (\d+)$`,
			Do:   s.probesAnswered,
			Says: "Every probe was answered: a connection was accepted, or a Binding response came.",
		},
	}
}

func (s *scene) tryPorts(proto, address, ports string) error {
	addr, err := netip.ParseAddr(address)
	if err != nil {
		return fmt.Errorf("%q is not an IP address: %w", address, err)
	}
	list, err := parsePorts(ports)
	if err != nil {
		return err
	}
	if err := s.world.Up(); err != nil {
		return err
	}
	host, err := s.world.Host(world.Alice)
	if err != nil {
		return err
	}
	s.probes = make([]probe, len(list))
	var wait sync.WaitGroup
	for i, port := range list {
		p := &s.probes[i]
		*p = probe{proto: proto, to: netip.AddrPortFrom(addr, port)}
		// One after the other, by a hair: which of two goroutines of one instant runs first is chance, and
		// with it who gets which source port.
		wait.Go(func() {
			time.Sleep(time.Duration(i) * time.Microsecond)
			p.answered = try(host, proto, p.to)
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
			return nil, fmt.Errorf("%q is neither a port nor a range of ports: write \"443\" or \"3433-3460\"", part)
		}
		for p := a; p <= b; p++ {
			ports = append(ports, uint16(p))
		}
	}
	return ports, nil
}

// try reports whether somebody answers there.
func try(host *sim.Host, proto string, to netip.AddrPort) bool {
	ctx, cancel := context.WithTimeout(context.Background(), probeTime)
	defer cancel()
	conn, err := host.DialContext(ctx, strings.ToLower(proto), to.String())
	if err != nil {
		return false
	}
	defer func() { _ = conn.Close() }()
	if proto == "TCP" {
		return true
	}
	request, err := stun.Build(stun.TransactionID, stun.BindingRequest, stun.Fingerprint)
	if err != nil {
		return false
	}
	if _, err := conn.Write(request.Raw); err != nil {
		return false
	}
	_ = conn.SetReadDeadline(time.Now().Add(probeTime))
	buf := make([]byte, 1500)
	n, err := conn.Read(buf)
	answer := &stun.Message{Raw: buf[:n]}
	return err == nil && answer.Decode() == nil && answer.TransactionID == request.TransactionID && answer.Type == stun.BindingSuccess
}

func (s *scene) letThrough(n int, row string) error {
	var events []timeline.Event
	passed := 0
	for _, p := range s.probes {
		first := s.find(atWall, from(s.aliceAddr()), to(p.to.Addr()), func(e timeline.Event) bool {
			return e.Proto == p.proto && e.To == p.to
		})
		if len(first) > 0 && first[0].Verdict == "allow" && first[0].Rule == row {
			passed++
			continue
		}
		events = append(events, first[:min(len(first), 1)]...)
	}
	if passed == n && len(s.probes) == n {
		return nil
	}
	return &result.Failure{
		Message:  "the firewall did not let every probe through",
		Expected: fmt.Sprintf("%d probes allowed by row %s", n, row),
		Actual:   fmt.Sprintf("%d of %d probes were", passed, len(s.probes)),
		Events:   few(events),
	}
}

func (s *scene) probesAnswered(server string, n int) error {
	answered := 0
	var silent []string
	for _, p := range s.probes {
		if name := s.world.NameOf(p.to.Addr()); name != server {
			return fmt.Errorf("the probes went to %s, not to %s", name, server)
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
