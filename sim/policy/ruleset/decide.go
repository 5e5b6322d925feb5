package ruleset

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/proxyspec/proxyspec/sim/firewall"
)

// Path is the way of the packets through the kernel.
type Path struct {
	Hook    Hook   // Forward for a router, Output for the client's own firewall; empty: whichever the rules are at
	In, Out string // interfaces of the clients' side and of the internet's; empty: not known
}

// resolve chooses the hook where the rules are, if nobody did.
func (p Path) resolve(rs *Ruleset) (Path, error) {
	switch p.Hook {
	case Forward, Output:
	case "":
		p.Hook = Forward
		if !rs.has(Forward) && rs.has(Output) {
			p.Hook = Output
		}
	default:
		return p, fmt.Errorf("a client's packets are judged at the hook %s or %s, not at %q", Forward, Output, p.Hook)
	}
	return p, nil
}

// leg is a kind of packets of a flow.
type leg struct {
	state string
	back  bool // from the internet to the client
	flags uint8
}

func opening(proto uint8) leg {
	if proto == uint8(firewall.TCP) {
		return leg{state: "new", flags: tcpFlags["syn"]}
	}
	return leg{state: "new"}
}

// legs are the kinds of packets that a flow can't do without. Rules may tell each of TCP's from the others.
func legs(proto uint8) []leg {
	if proto != uint8(firewall.TCP) {
		return []leg{opening(proto), {state: "established"}, {state: "established", back: true}}
	}
	ack, push, fin := tcpFlags["ack"], tcpFlags["psh"], tcpFlags["fin"]
	out := []leg{opening(proto)}
	for _, back := range []bool{false, true} {
		for _, flags := range []uint8{ack, ack | push, ack | fin} {
			out = append(out, leg{"established", back, flags})
		}
	}
	return append(out, leg{"established", true, tcpFlags["syn"] | ack})
}

func (p Path) chains(rs *Ruleset, six bool, l leg) []*chain {
	switch {
	case p.Hook == Forward:
		return rs.hooks(six, Prerouting, Forward, Postrouting)
	case l.back:
		return rs.hooks(six, Prerouting, Input)
	}
	return rs.hooks(six, Output, Postrouting)
}

// situation is what is fixed about the packets of a leg.
func (p Path) situation(rs *Ruleset, six bool, proto uint8, l leg) *situation {
	s := &situation{six: six, proto: proto, state: l.state, flags: l.flags, in: p.In, out: p.Out, back: l.back, redirects: rs.redirects()}
	if p.Hook == Output {
		s.in = "" // such packets have none
	}
	if l.back {
		s.in, s.out = p.Out, p.In
	}
	return s
}

// start is a region on its way, which nothing has happened to.
func start(b box, translated bool) outcome {
	return outcome{box: b, verdict: canAccept, by: "no rule: no chain is at this hook", translated: translated}
}

// Decision is what becomes of one packet.
type Decision struct {
	Verdict string   // "accept", "drop" or "undecided"
	By      string   // the rule or the chain's policy that decided
	Doubts  []string // why nobody can tell
}

// Decide tells what becomes of the first packet of a flow.
func (rs *Ruleset) Decide(proto firewall.Proto, src, dst netip.AddrPort, path Path) (Decision, error) {
	path, err := path.resolve(rs)
	if err != nil {
		return Decision{}, err
	}
	six := dst.Addr().Is6()
	if src.Addr().Is6() != six {
		return Decision{}, fmt.Errorf("%v -> %v: source and destination must be addresses of one family", src, dst)
	}
	one := func(n num) span { return span{n, n} }
	region := box{one(addrNum(src.Addr())), one(addrNum(dst.Addr())), one(num{0, uint64(src.Port())}), one(num{0, uint64(dst.Port())})}
	first := opening(uint8(proto))
	e := evaluator{situation: path.situation(rs, six, uint8(proto), first)}
	e.situation.relays = []box{region}
	out, err := e.through(path.chains(rs, six, first), []outcome{start(region, false)})
	if err != nil {
		return Decision{}, err
	}
	return out[0].decision(), nil // a single packet has a single fate
}

func (o outcome) decision() Decision {
	switch o.verdict {
	case canAccept:
		return Decision{Verdict: "accept", By: o.by}
	case canDrop:
		return Decision{Verdict: "drop", By: o.by}
	}
	return Decision{Verdict: "undecided", By: o.by, Doubts: slices.Compact(slices.Sorted(slices.Values(o.doubts)))}
}
