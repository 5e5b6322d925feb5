package world

import (
	"cmp"
	"fmt"
	"maps"
	"net/netip"
	"slices"

	"github.com/proxyspec/proxyspec/conformance/contract"
	"github.com/proxyspec/proxyspec/conformance/result"
	"github.com/proxyspec/proxyspec/conformance/timeline"
	"github.com/proxyspec/proxyspec/sim/firewall"
)

// Conclude adds to a case what the world knows of it, and finishes its evidence, if KeepIn has said where. It must be
// called after Close.
func (w *World) Conclude(c *result.Case) error {
	events := w.Timeline.Events()
	c.Paths = w.paths()
	trace := timeline.Trace(events)
	c.Trace = result.Trace{Packets: len(trace), Digest: timeline.Digest(trace)}
	c.Ladder = ladder(events)
	c.Hosts = w.hostsOf(c.Ladder)
	c.MissingRows = w.MissingRows()
	c.Product = w.product
	if w.broken && c.Outcome == result.Fail { // what its SDK did, nobody knows
		c.Outcome = result.HarnessFault
	}
	if c.Outcome == result.Fail && c.Failure != nil && c.Failure.Cause == "" {
		c.Failure.Cause = w.Cause()
	}
	if w.evidence.folder == "" {
		return nil
	}
	if err := w.keep(c); err != nil {
		c.Evidence = result.Evidence{Lost: err.Error()}
		return fmt.Errorf("keep the evidence: %w", err)
	}
	return nil
}

// MissingRows is the rows of the whitelist that the office's policy doesn't let through whole; none where the
// cloud proxy isn't at their addresses.
func (w *World) MissingRows() (missing []string) {
	if w.setup.Production {
		return nil
	}
	alice := w.AddrOf(Alice)
	wall, err := firewall.New(w.Policy(), firewall.Timeouts{})
	if err != nil {
		return nil // SetPolicy has refused such a policy before
	}
	for _, row := range firewall.Whitelist(netip.PrefixFrom(alice, 32)).Rules {
		if !w.letsThrough(wall, alice, row) {
			missing = append(missing, row.ID)
		}
	}
	return missing
}

// letsThrough asks a firewall about every destination of a row.
func (w *World) letsThrough(wall *firewall.Firewall, from netip.Addr, row firewall.Rule) bool {
	flags := firewall.TCPFlags(0)
	if row.Proto == firewall.TCP {
		flags = firewall.SYN
	}
	for _, to := range row.Destinations {
		for _, ports := range row.Ports {
			for port := int(ports.First); port <= int(ports.Last); port++ {
				wall.Flush()
				if wall.Decide(w.Timeline.Start(), firewall.Packet{
					Proto: row.Proto, Src: netip.AddrPortFrom(from, 50000),
					Dst: netip.AddrPortFrom(to.Addr(), uint16(port)), Flags: flags,
				}).Action != firewall.Allow {
					return false
				}
			}
		}
	}
	return true
}

// paths is who exchanged how much with whom, in an order that doesn't depend on chance.
func (w *World) paths() []result.PathCount {
	var list []result.PathCount
	for p, t := range w.recorder.paths {
		list = append(list, result.PathCount{
			From: w.NameOf(p.from), To: w.NameOf(p.to), Proto: p.proto.String(), Port: p.port,
			Packets: t.packets, Bytes: t.bytes, Dropped: t.dropped,
		})
	}
	slices.SortFunc(list, func(a, b result.PathCount) int {
		return cmp.Or(cmp.Compare(a.From, b.From), cmp.Compare(a.To, b.To), cmp.Compare(a.Proto, b.Proto), cmp.Compare(a.Port, b.Port))
	})
	return list
}

// hostsOf is the hosts that some events speak of, by name.
func (w *World) hostsOf(events []timeline.Event) []result.Host {
	addrs := map[string][]netip.Addr{}
	for _, e := range events {
		for _, a := range []netip.Addr{e.From.Addr(), e.To.Addr()} {
			if name := w.names[a]; name != "" && !slices.Contains(addrs[name], a) {
				addrs[name] = append(addrs[name], a)
			}
		}
	}
	var hosts []result.Host
	for _, name := range slices.Sorted(maps.Keys(addrs)) {
		h := result.Host{Name: name, Addrs: addrs[name]}
		for _, a := range h.Addrs {
			if standIn, ok := w.standIns()[a]; ok && w.real() {
				h.StandIns = append(h.StandIns, standIn)
			}
		}
		hosts = append(hosts, h)
	}
	return hosts
}

// ladderLimit bounds what a sequence diagram shows: beyond it nobody reads on.
const ladderLimit = 300

// ladder is the events of a sequence diagram: calls and results, what the cloud proxy and SD-RTN logged,
// and of each flow at the firewall the packet that began it and any that was stopped.
func ladder(events []timeline.Event) []timeline.Event {
	type flow struct {
		proto string
		a, b  netip.AddrPort
	}
	known, stopped := map[flow]bool{}, map[flow]bool{}
	var shown []timeline.Event
	for _, e := range events {
		if len(shown) == ladderLimit {
			break
		}
		if e.Name == contract.MethodHello && (e.Kind == timeline.KindCall || e.Kind == timeline.KindResult) {
			continue // between the harness and the adapter: nobody's call
		}
		if e.Kind == timeline.KindPacket {
			f := flow{e.Proto, e.From, e.To}
			back := flow{e.Proto, f.b, f.a}
			first := !known[f] && !known[back]
			dropped := e.Verdict != firewall.Allow.String() && e.Verdict != "" && !stopped[f]
			known[f] = true
			if dropped {
				stopped[f] = true
			}
			if !first && !dropped {
				continue
			}
		}
		shown = append(shown, e)
	}
	return shown
}
