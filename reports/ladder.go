package reports

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/proxyspec/proxyspec/conformance/result"
	"github.com/proxyspec/proxyspec/conformance/timeline"
)

// A ladder is a case as a sequence diagram: a lane for each machine, a row for each thing that happened.
type ladder struct {
	Lanes []lane
	Rows  []rung
}

type lane struct {
	Name    string
	Address string // "" where it has several or none
	StandIn string // what an SDK behind a real kernel saw in its place, if that was another
	place   place
}

// place is where a machine stands, from the client to the far end.
type place int

const (
	client place = iota
	inside
	wall
	edge
	relay
	gateway
	outside
)

// rung is one row of a ladder.
type rung struct {
	At    time.Duration
	Phase int // 1 to 4: the step of the document's flow that it belongs to; 0: none
	Shape shape
	Class string // how it ended, for the colour: "allow", "drop", "reject", "log", "call", "error", "step"
	Label string
	Title string // the whole event in words

	// Lanes by index. From and To are set for arrows, From alone for marks. Via is the lane that an
	// arrow passes and that saw it, -1 for none.
	From, To, Via int
}

// shape is how a rung is drawn.
type shape int

const (
	band   shape = iota // across all lanes: a step of the scenario, a change of the world, a cut
	arrow               // from one lane to another
	denied              // from one lane to the firewall, where it ends
	mark                // a word at one lane
)

// Limits of a ladder: beyond them its middle is cut, and says so.
const (
	mostRungs = 240
	headRungs = 160
)

// ladderOf draws up the ladder of a case. Packets of one kind that follow each other without anything else
// between them become one arrow with a count, in the place of the first.
func ladderOf(c result.Case) ladder {
	b := ladderBuilder{hosts: hostsOf(c)}
	b.lanes(c)
	for i := range c.Ladder {
		b.add(&c.Ladder[i])
	}
	l := ladder{Lanes: b.heads, Rows: make([]rung, 0, min(len(b.rows), mostRungs+1))}
	cut := max(0, len(b.rows)-mostRungs)
	for i, r := range b.rows {
		switch {
		case i < headRungs || i >= headRungs+cut:
			r.finish(b.hosts)
			l.Rows = append(l.Rows, r.rung)
		case i == headRungs:
			l.Rows = append(l.Rows, rung{
				At: r.At, Shape: band, Class: "cut",
				Label: fmt.Sprintf("%d rows are left out here; the timeline has them all", cut),
			})
		}
	}
	return l
}

// ladderBuilder makes a ladder of events, in their order.
type ladderBuilder struct {
	hosts hosts
	heads []lane
	index map[string]int
	rows  []*row
	open  map[flow]*row // the arrows of the current run of packets

	answered bool // the lookup has been answered or refused
	returned bool // SD-RTN has sent something through a relay
}

// lanes finds out who takes part, and in which order they stand.
func (b *ladderBuilder) lanes(c result.Case) {
	b.index = make(map[string]int)
	see := func(name string) {
		if _, ok := b.index[name]; name != "" && name != "suite" && !ok {
			b.index[name] = len(b.heads)
			b.heads = append(b.heads, lane{Name: name})
		}
	}
	for i := range c.Ladder {
		e := &c.Ladder[i]
		if e.Kind == timeline.KindStep || e.Kind == timeline.KindWorld {
			continue
		}
		see(e.Actor)
		if e.From.IsValid() {
			see(b.hosts.name(e.From.Addr()))
		}
		if e.To.IsValid() {
			see(b.hosts.name(e.To.Addr()))
		}
	}
	private := make(map[string]bool)
	for _, h := range c.Hosts {
		private[h.Name] = len(h.Addrs) > 0 && h.Addrs[0].IsPrivate()
	}
	for i, l := range b.heads {
		if a, err := netip.ParseAddr(l.Name); err == nil { // a stranger
			private[l.Name] = a.IsPrivate()
		}
		b.heads[i].place = placeOf(l.Name, private[l.Name])
	}
	slices.SortStableFunc(b.heads, func(x, y lane) int {
		return cmp.Or(cmp.Compare(x.place, y.place), cmp.Compare(x.Name, y.Name))
	})
	for i, l := range b.heads {
		b.index[l.Name] = i
	}
	for _, h := range c.Hosts {
		if i, ok := b.index[h.Name]; ok && len(h.Addrs) == 1 {
			b.heads[i].Address = h.Addrs[0].String()
			if len(h.StandIns) == 1 {
				b.heads[i].StandIn = h.StandIns[0].String()
			}
		}
	}
}

// placeOf tells from its name where a machine stands, and of any other whether it is in the enterprise.
func placeOf(name string, private bool) place {
	kind, _, _ := strings.Cut(name, "-")
	switch kind {
	case "alice":
		return client
	case "firewall":
		return wall
	case "edge":
		return edge
	case "relay":
		return relay
	case "gateway":
		return gateway
	}
	if private {
		return inside
	}
	return outside
}

func (b *ladderBuilder) lane(name string) int {
	if i, ok := b.index[name]; ok {
		return i
	}
	return -1
}

func (b *ladderBuilder) laneOf(a netip.AddrPort) int {
	if !a.IsValid() {
		return -1
	}
	return b.lane(b.hosts.name(a.Addr()))
}
