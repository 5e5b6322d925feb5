package ruleset

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/proxyspec/proxyspec/sim/firewall"
	"github.com/proxyspec/proxyspec/sim/policy"
	"github.com/proxyspec/proxyspec/sim/policy/internal/region"
)

// gatherer puts together regions that have the same fate, and writes them as people do.
type gatherer struct {
	order  []string
	groups map[string]*group
}

// group is regions that differ in addresses and ports only.
type group struct {
	Opening
	six   bool
	boxes []box
}

// add takes in a region. An entry says what its ports are for.
func (g *gatherer) add(proto string, six bool, b box, e *policy.Entry, o outcome, answers bool) {
	d := o.decision()
	opening := Opening{Protocol: proto, Answers: answers, Verdict: d.Verdict, By: d.By, Doubts: d.Doubts}
	if e == nil {
		g.put(opening, six, b)
		return
	}
	ports := b[dstPort].ports()
	for first := int(ports.First); first <= int(ports.Last); { // a range may cross from one purpose to the next
		opening.Purpose = e.PurposeOf(uint16(first))
		last := first
		for last < int(ports.Last) && e.PurposeOf(uint16(last+1)) == opening.Purpose {
			last++
		}
		b[dstPort] = portSpan(firewall.PortRange{First: uint16(first), Last: uint16(last)})
		g.put(opening, six, b)
		first = last + 1
	}
}

// bare is an opening without its String, which leaves out what becomes of it and by whom.
type bare Opening

func (g *gatherer) put(o Opening, six bool, b box) {
	key := fmt.Sprintf("%+v %v", bare(o), six)
	if g.groups == nil {
		g.groups = make(map[string]*group)
	}
	if g.groups[key] == nil {
		g.groups[key] = &group{Opening: o, six: six}
		g.order = append(g.order, key)
	}
	g.groups[key].boxes = append(g.groups[key].boxes, b)
}

func (g *gatherer) openings() (out []Opening) {
	for _, l := range g.lumps() {
		out = append(out, l.Opening)
	}
	return out
}

// lump is an opening and the regions that it stands for.
type lump struct {
	Opening
	boxes []box
}

func (g *gatherer) lumps() (out []lump) {
	for _, key := range g.order {
		out = append(out, g.groups[key].lumps()...)
	}
	return out
}

// lumps are a group's regions, one for each destination, source port and set of ports.
func (g *group) lumps() (out []lump) {
	type place struct{ source, sourcePort, destination span }
	var places []place
	boxes := make(map[place][]box)
	for _, b := range coalesce(g.boxes) {
		p := place{b[srcAddr], b[srcPort], b[dstAddr]}
		if boxes[p] == nil {
			places = append(places, p)
		}
		boxes[p] = append(boxes[p], b)
	}
	line := make(map[string]int) // of what but for its source
	for _, p := range places {
		o := g.Opening
		o.SourcePorts = "any"
		if p.sourcePort != ephemeral {
			o.SourcePorts = p.sourcePort.ports().String()
		}
		o.Destination = addresses(p.destination, g.six)
		var ports []firewall.PortRange
		for _, b := range boxes[p] {
			ports = append(ports, b[dstPort].ports())
		}
		o.Ports = region.NewPorts(ports...).String()
		key := fmt.Sprint(o.SourcePorts, " ", o.Destination, " ", o.Ports)
		o.Source = addresses(p.source, g.six)
		if i, ok := line[key]; ok {
			out[i].Source += ", " + o.Source
			out[i].boxes = append(out[i].boxes, boxes[p]...)
			continue
		}
		line[key] = len(out)
		out = append(out, lump{o, boxes[p]})
	}
	return out
}

// coalesce joins boxes that touch and are alike otherwise, as far as that goes.
func coalesce(boxes []box) []box {
	boxes = slices.Clone(boxes)
	for {
		before := len(boxes)
		for _, d := range []dim{dstPort, srcPort, srcAddr, dstAddr} {
			boxes = coalesceAlong(boxes, d)
		}
		if len(boxes) == before {
			return boxes
		}
	}
}

func coalesceAlong(boxes []box, d dim) []box {
	slices.SortFunc(boxes, func(a, b box) int {
		for i := range a {
			if dim(i) != d {
				if c := cmp.Or(a[i].first.compare(b[i].first), a[i].last.compare(b[i].last)); c != 0 {
					return c
				}
			}
		}
		return a[d].first.compare(b[d].first)
	})
	out := boxes[:0]
	for _, b := range boxes {
		if n := len(out); n > 0 {
			joined := out[n-1]
			joined[d] = b[d]
			if joined == b && out[n-1][d].last.next() == b[d].first {
				out[n-1][d].last = b[d].last
				continue
			}
		}
		out = append(out, b)
	}
	return out
}

func (n num) compare(m num) int { return cmp.Or(cmp.Compare(n.hi, m.hi), cmp.Compare(n.lo, m.lo)) }

func addresses(s span, six bool) string {
	if s == allAddrs(six) {
		if six {
			return "any (IPv6)"
		}
		return "any"
	}
	return region.Addresses(s.first.addr(six), s.last.addr(six))
}

// String is an opening in one line: "TCP 192.0.2.138 ports 3450-3460 (media) from 10.0.0.0/24".
func (o Opening) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s", o.Protocol, o.Destination)
	switch {
	case o.Ports == "any" && o.Protocol != "TCP" && o.Protocol != "UDP":
	case o.Ports == "any":
		b.WriteString(" any port")
	case strings.ContainsAny(o.Ports, ",-"):
		b.WriteString(" ports " + o.Ports)
	default:
		b.WriteString(" port " + o.Ports)
	}
	if o.Purpose != "" {
		fmt.Fprintf(&b, " (%s)", o.Purpose)
	}
	if !strings.HasPrefix(o.Source, "any") {
		b.WriteString(" from " + o.Source)
	}
	if o.SourcePorts != "any" {
		ports := " from source port "
		if strings.ContainsAny(o.SourcePorts, ",-") {
			ports = " from source ports "
		}
		b.WriteString(ports + o.SourcePorts)
	}
	return b.String()
}
