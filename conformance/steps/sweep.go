package steps

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"time"

	"github.com/proxyspec/proxyspec/conformance/result"
	"github.com/proxyspec/proxyspec/conformance/runner"
	"github.com/proxyspec/proxyspec/conformance/timeline"
	"github.com/proxyspec/proxyspec/conformance/world"
	"github.com/proxyspec/proxyspec/sim/firewall"
)

func (s *scene) sweepSteps() []runner.Definition {
	return []runner.Definition{
		{
			Expr: `^every TCP and UDP port of the seven addresses is asked of the policy$`,
			Do:   s.sweep,
			Says: "65,536 ports, two protocols, seven addresses: what would the firewall say to a first packet of alice's?",
		},
		{
			Expr: `^exactly (?P<count>\d+) of (?P<all>\d+) are open$`,
			Do:   s.exactlyOpen,
			Says: "Counts the sweep.",
		},
		{
			Expr: `^alice's computer sends a packet to each open one, to their neighbours and to (?P<count>\d+) others$`,
			Do:   s.sendSweep,
			Says: "TCP SYN or UDP datagrams: to every open port, to the ports one below and above each, and to ports drawn by the seed.",
		},
		{
			Expr: `^the firewall judged every packet as the policy said$`,
			Do:   s.sweepAgrees,
			Says: "Compares the verdict on each packet with the sweep's answer.",
		},
		{
			Expr: `^the firewall would drop a first packet of (?P<protocol>\w+) from (?P<source>[0-9a-f:.]+) to (?P<destination>[0-9a-f:.]+)$`,
			Do:   s.wouldDrop,
			Says: "Asks the firewall about packets that the simulated hosts can't send: other protocols, and sources and destinations of two families.",
		},
	}
}

// tuple is a destination of the sweep.
type tuple struct {
	proto firewall.Proto
	to    netip.AddrPort
}

// sweepPlaces is the addresses of the whitelist.
func sweepPlaces() []world.Place {
	return append(append([]world.Place{}, world.Relays...), world.Edges...)
}

// ask is what a firewall with today's policy says to a first packet. Each question goes to a firewall
// without flows: a sweep must not answer by what it asked before.
func (s *scene) ask(wall *firewall.Firewall, t tuple, from netip.Addr) firewall.Verdict {
	wall.Flush()
	return wall.Decide(time.Now(), opening(t, from))
}

// opening is the packet that a flow begins with.
func opening(t tuple, from netip.Addr) firewall.Packet {
	p := firewall.Packet{Proto: t.proto, Src: netip.AddrPortFrom(from, 50000), Dst: t.to}
	if t.proto == firewall.TCP {
		p.Flags = firewall.SYN
	}
	return p
}

func (s *scene) sweep() error {
	wall, err := firewall.New(s.world.Policy(), firewall.Timeouts{})
	if err != nil {
		return err
	}
	s.open, s.asked = nil, 0
	for _, p := range sweepPlaces() {
		for _, proto := range []firewall.Proto{firewall.TCP, firewall.UDP} {
			for port := range 1 << 16 {
				t := tuple{proto, netip.AddrPortFrom(p.Addr, uint16(port))}
				s.asked++
				if s.ask(wall, t, s.aliceAddr()).Action == firewall.Allow {
					s.open = append(s.open, t)
				}
			}
		}
	}
	return nil
}

func (s *scene) exactlyOpen(open, all int) error {
	if s.asked == 0 {
		return result.Mistake("the policy was asked nothing: a step before this one must")
	}
	if len(s.open) == open && s.asked == all {
		return nil
	}
	return &result.Failure{
		Message:  "the policy isn't as wide as the table",
		Expected: fmt.Sprintf("%d of %d open", open, all),
		Actual:   fmt.Sprintf("%d of %d open", len(s.open), s.asked),
	}
}

func (s *scene) sendSweep(others int) error {
	chosen := map[tuple]bool{}
	s.probes = nil
	add := func(t tuple) {
		if !chosen[t] && t.to.Port() != 0 {
			chosen[t] = true
			s.probes = append(s.probes, probe{proto: t.proto.String(), to: t.to})
		}
	}
	for _, t := range s.open {
		add(t)
		add(tuple{t.proto, netip.AddrPortFrom(t.to.Addr(), t.to.Port()-1)})
		add(tuple{t.proto, netip.AddrPortFrom(t.to.Addr(), t.to.Port()+1)})
	}
	draw := rand.New(rand.NewPCG(s.job.Seed, 0))
	places := sweepPlaces()
	for range others {
		proto := []firewall.Proto{firewall.TCP, firewall.UDP}[draw.IntN(2)]
		add(tuple{proto, netip.AddrPortFrom(places[draw.IntN(len(places))].Addr, uint16(1+draw.IntN(1<<16-1)))})
	}
	// Less than a retransmission's time: one packet each is enough.
	return s.tryAll(world.Alice, 500*time.Millisecond)
}

func (s *scene) sweepAgrees() error {
	if err := s.probed(); err != nil {
		return err
	}
	wall, err := firewall.New(s.world.Policy(), firewall.Timeouts{})
	if err != nil {
		return err
	}
	first := map[tuple]timeline.Event{}
	for _, e := range s.find(atWall, from(s.aliceAddr())) {
		t := tuple{firewall.UDP, e.To}
		if e.Proto == firewall.TCP.String() {
			t.proto = firewall.TCP
		}
		if _, seen := first[t]; !seen {
			first[t] = e
		}
	}
	var wrong []timeline.Event
	missing := 0
	for _, p := range s.probes {
		t := tuple{firewall.UDP, p.to}
		if p.proto == firewall.TCP.String() {
			t.proto = firewall.TCP
		}
		said := s.ask(wall, t, s.aliceAddr())
		e, seen := first[t]
		switch {
		case !seen:
			missing++
		case e.Verdict != said.Action.String() || e.Rule != said.Rule:
			wrong = append(wrong, e)
		}
	}
	if len(wrong) == 0 && missing == 0 {
		return nil
	}
	return &result.Failure{
		Message:  "packets were judged otherwise than the policy said",
		Expected: fmt.Sprintf("the same verdict and rule for all %d packets", len(s.probes)),
		Actual:   fmt.Sprintf("%d judged otherwise, %d never seen at the firewall", len(wrong), missing),
		Events:   few(wrong),
		Decides:  firstOf(wrong),
	}
}

func (s *scene) wouldDrop(protocol, source, destination string) error {
	from, err := netip.ParseAddr(source)
	if err != nil {
		return result.Mistake("%q is not an IP address", source)
	}
	to, err := netip.ParseAddr(destination)
	if err != nil {
		return result.Mistake("%q is not an IP address", destination)
	}
	proto, ok := map[string]firewall.Proto{"TCP": firewall.TCP, "UDP": firewall.UDP, "ICMP": firewall.ICMP, "GRE": 47, "ESP": 50, "SCTP": 132}[protocol]
	if !ok {
		return result.Mistake("%q is none of TCP, UDP, ICMP, GRE, ESP, SCTP", protocol)
	}
	port := uint16(443)
	if proto != firewall.TCP && proto != firewall.UDP {
		port = 0
	}
	if v := s.world.Decide(opening(tuple{proto, netip.AddrPortFrom(to, port)}, from)); v.Action == firewall.Allow {
		return &result.Failure{
			Message:  fmt.Sprintf("the firewall would let %s from %v to %v through", protocol, from, to),
			Expected: "it drops what no row allows",
			Actual:   "allowed by rule " + v.Rule,
		}
	}
	return nil
}
