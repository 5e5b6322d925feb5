package ruleset

import (
	"fmt"
	"slices"
	"strings"

	"github.com/proxyspec/proxyspec/sim/firewall"
	"github.com/proxyspec/proxyspec/sim/policy"
	"github.com/proxyspec/proxyspec/sim/policy/internal/region"
)

// Options say whose packets are checked, and on which way.
type Options struct {
	policy.Use // the clients; the addresses of domains
	Path
}

// Status is how far a row is open.
type Status string

// The statuses.
const (
	Open      Status = "open"
	Partly    Status = "partly open"
	Closed    Status = "closed"
	Undecided Status = "undecided" // none of it is open for certain, or all of it but for what can't be told
)

// Report is how a ruleset treats a policy.
type Report struct {
	Policy  string    `json:"policy"`
	Ruleset string    `json:"ruleset"`
	Kind    Kind      `json:"kind"`
	Hook    Hook      `json:"hook"`
	Sources []string  `json:"sources"` // the clients; none: everybody
	Rows    []Row     `json:"rows"`
	Beyond  []Opening `json:"beyond"`  // what is open and no row needs
	Unknown []string  `json:"unknown"` // what of the ruleset isn't modelled, wherever it could matter
}

// Row is how a ruleset treats a row of a policy.
type Row struct {
	ID      string       `json:"id"`
	Purpose string       `json:"purpose"`
	Level   policy.Level `json:"level"`
	Status  Status       `json:"status"`
	Gaps    []Opening    `json:"gaps"` // what isn't open for certain
}

// Opening is a region of packets, and who decides about it.
type Opening struct {
	Protocol    string   `json:"protocol"`
	Source      string   `json:"source"`      // "any", or addresses
	SourcePorts string   `json:"sourcePorts"` // "any", or ports
	Destination string   `json:"destination"`
	Ports       string   `json:"ports"`             // "any", or ports
	Purpose     string   `json:"purpose,omitempty"` // of ports of a row
	Answers     bool     `json:"answers,omitempty"` // the packets pass, and the answers to them don't
	Verdict     string   `json:"verdict"`           // "accept", "drop" or "undecided"
	By          string   `json:"by"`
	PartNeeded  bool     `json:"partNeeded,omitempty"` // beyond need: rows need a part of it, in so many places that the rest isn't listed
	Doubts      []string `json:"doubts,omitempty"`
}

// Check tells how a ruleset treats a policy. It fails on options that make no sense, and on rules that are too many
// to decide.
func Check(p *policy.Policy, rs *Ruleset, o Options) (*Report, error) {
	path, err := o.Path.resolve(rs)
	if err != nil {
		return nil, err
	}
	o.Path = path
	compiled := p.Compile(o.Use)
	if _, err := firewall.New(compiled, firewall.Timeouts{}); err != nil {
		return nil, err
	}
	c := checker{rs: rs, Options: o, fates: make(map[fateKey][]outcome)}
	for i, six := range []bool{false, true} {
		for _, r := range compiled.Rules {
			for _, prefix := range r.Destinations {
				if prefix.Addr().Is6() == six {
					relay := whole()
					relay[dstAddr], _ = addressSpan(prefix.String())
					c.relays[i] = append(c.relays[i], relay)
				}
			}
		}
	}
	rules := make(map[string][]firewall.Rule, len(p.Entries)) // by entry
	for _, r := range compiled.Rules {
		id, _, _ := strings.Cut(r.ID, "/")
		rules[id] = append(rules[id], r)
	}
	report := &Report{Policy: p.Name(), Ruleset: rs.Name, Kind: rs.Kind, Hook: o.Hook, Sources: []string{}, Rows: []Row{}}
	for _, prefix := range o.Sources {
		report.Sources = append(report.Sources, prefix.String())
	}
	for i := range p.Entries {
		row, err := c.row(&p.Entries[i], rules[p.Entries[i].ID])
		if err != nil {
			return nil, err
		}
		report.Rows = append(report.Rows, row)
	}
	if report.Beyond, err = c.beyond(compiled); err != nil {
		return nil, err
	}
	report.Unknown = c.unknown()
	return report, nil
}

// checker remembers what becomes of every packet, since all rows ask for the same.
type checker struct {
	rs *Ruleset
	Options
	fates  map[fateKey][]outcome
	relays [2][]box // what rows ask for, of IPv4 and of IPv6: no such address is the firewall's own
}

type fateKey struct {
	six   bool
	proto uint8
	leg   leg
}

// fate is what becomes of all packets of a kind.
func (c *checker) fate(k fateKey) ([]outcome, error) {
	if out, ok := c.fates[k]; ok {
		return out, nil
	}
	e := evaluator{situation: c.situation(c.rs, k.six, k.proto, k.leg)}
	for _, relay := range c.relays[family(k.six)] {
		switch {
		case !k.leg.back:
			e.situation.relays = append(e.situation.relays, relay)
		case c.Hook == Forward: // else the answers' destination is this machine
			e.situation.relays = append(e.situation.relays, relay.swapped())
		}
	}
	alive, err := c.start(k)
	if err != nil {
		return nil, err
	}
	out, err := e.through(c.chains(c.rs, k.six, k.leg), alive)
	c.fates[k] = out
	return out, err
}

// start is all packets of a kind, those apart whose flow may have got another source by its first packet.
func (c *checker) start(k fateKey) (out []outcome, err error) {
	all, first := everything(k.six), opening(k.proto)
	translated := []piece{}
	rest := []piece{{box: all}}
	if k.leg != first {
		nat := slices.DeleteFunc(c.rs.hooks(k.six, Postrouting), func(c *chain) bool { return !c.translates })
		e := evaluator{situation: c.situation(c.rs, k.six, k.proto, first)}
		done, err := e.through(nat, []outcome{start(all, false)})
		if err != nil {
			return nil, err
		}
		var boxes []box
		for _, o := range done {
			if o.translated {
				boxes = append(boxes, o.box)
			}
		}
		translated, rest = divide(piece{box: all}, boxes)
	}
	for i, pieces := range [][]piece{rest, translated} {
		for _, p := range pieces {
			if k.leg.back {
				p.box = p.box.swapped()
			}
			out = append(out, start(p.box, i == 1))
		}
	}
	return out, nil
}

// sources are the clients' addresses of a family; none given means everybody.
func (c *checker) sources(six bool) (out []span) {
	if len(c.Sources) == 0 {
		return []span{allAddrs(six)}
	}
	for _, p := range c.Sources {
		if p.Addr().Is6() == six {
			s, _ := addressSpan(p.String())
			out = append(out, s)
		}
	}
	return out
}

// boxes are the packets that a compiled rule wants open, by family.
func (c *checker) boxes(r firewall.Rule, six bool) (out []box) {
	ranges := r.Ports
	if len(ranges) == 0 {
		ranges = region.AllPorts()
	}
	for _, prefix := range r.Destinations {
		if prefix.Addr().Is6() != six {
			continue
		}
		destination, _ := addressSpan(prefix.String())
		for _, source := range c.sources(six) {
			for _, ports := range ranges {
				out = append(out, box{source, destination, ephemeral, portSpan(ports)})
			}
		}
	}
	return out
}

// row finds what of a row isn't open.
func (c *checker) row(e *policy.Entry, rules []firewall.Rule) (Row, error) {
	row := Row{ID: e.ID, Purpose: e.PurposeText(), Level: e.Level, Gaps: []Opening{}}
	var open, asked bool // something of it is open; some client could use it
	g := gatherer{}
	for _, r := range rules {
		for _, six := range []bool{false, true} {
			for _, b := range c.boxes(r, six) {
				asked = true
				passes, err := c.gaps(b, six, r, e, &g)
				if err != nil {
					return row, err
				}
				open = open || passes
			}
		}
	}
	row.Gaps = append(row.Gaps, g.openings()...)
	row.Gaps = append(row.Gaps, c.nameless(e)...)
	if !asked && len(row.Gaps) == 0 {
		row.Gaps = append(row.Gaps, Opening{
			Protocol: "all", Source: "any", SourcePorts: "any", Destination: "of it", Ports: "any", Verdict: "undecided",
			Doubts: []string{"no client has an address of the row's family (--source)"},
		})
	}
	closed := row.closed()
	unsure := slices.ContainsFunc(row.Gaps, func(o Opening) bool { return o.Verdict != "drop" })
	switch {
	case closed && open:
		row.Status = Partly
	case closed && !unsure:
		row.Status = Closed
	case unsure:
		row.Status = Undecided
	default:
		row.Status = Open
	}
	return row, nil
}

// closed tells whether some of a row is closed for certain.
func (r Row) closed() bool {
	return slices.ContainsFunc(r.Gaps, func(o Opening) bool { return o.Verdict == "drop" })
}

// gaps gathers what of a box isn't open for certain, and tells whether something of it is.
func (c *checker) gaps(b box, six bool, r firewall.Rule, e *policy.Entry, g *gatherer) (passes bool, err error) {
	if !c.rs.covers[family(six)] {
		other := "iptables-save lists IPv4 only; add the output of ip6tables-save"
		if !six {
			other = "ip6tables-save lists IPv6 only; add the output of iptables-save"
		}
		g.add(r.Proto.String(), six, b, e, outcome{verdict: canAccept | canDrop, doubts: []string{other}}, false)
		return false, nil
	}
	rest := []box{b}
	for _, l := range legs(uint8(r.Proto)) {
		fate, err := c.fate(fateKey{six, uint8(r.Proto), l})
		if err != nil {
			return false, err
		}
		var next []box
		for _, x := range rest {
			if l.back {
				x = x.swapped()
			}
			for i := range fate {
				o := &fate[i]
				if !o.box.meets(&x) {
					continue
				}
				common, _ := o.box.intersect(x)
				if l.back {
					common = common.swapped()
				}
				if o.verdict == canAccept {
					next = append(next, common)
				} else {
					g.add(r.Proto.String(), six, common, e, *o, l.state != "new")
				}
			}
		}
		rest = next
	}
	return len(rest) > 0, nil
}

// nameless are the destinations by name whose addresses nobody said.
func (c *checker) nameless(e *policy.Entry) (out []Opening) {
	for _, d := range e.Destinations {
		if d.Domain == "" || len(c.Names.Addresses(c.Now, d.Domain)) > 0 {
			continue
		}
		for _, proto := range e.Protocols {
			out = append(out, Opening{
				Protocol: proto.String(), Source: "any", SourcePorts: "any", Destination: d.Domain, Ports: e.PortText(), Purpose: e.PurposeText(),
				Verdict: "undecided", Doubts: []string{fmt.Sprintf("nobody said which addresses %s has (--zone)", d.Domain)},
			})
		}
	}
	return out
}

// unknown lists what of the ruleset isn't modelled and could matter, each once.
func (c *checker) unknown() []string {
	seen := make(map[string]bool)
	for _, fate := range c.fates {
		for _, o := range fate {
			if o.verdict == canAccept|canDrop {
				for _, d := range o.doubts {
					seen[d] = true
				}
			}
		}
	}
	out := slices.Clone(c.rs.outside)
	for i, name := range []string{"IPv4: ip6tables-save lists IPv6", "IPv6: iptables-save lists IPv4"} {
		if !c.rs.covers[i] {
			out = append(out, "anything about "+name+" only")
		}
	}
	for d := range seen {
		out = append(out, d)
	}
	slices.Sort(out)
	return append([]string{}, slices.Compact(out)...)
}

// Missing tells whether some of a required row is closed for certain.
func (r *Report) Missing() bool {
	return slices.ContainsFunc(r.Rows, func(row Row) bool { return row.Level == policy.Required && row.closed() })
}

// Undecided tells whether nobody knows of a required row.
func (r *Report) Undecided() bool {
	return slices.ContainsFunc(r.Rows, func(row Row) bool { return row.Level == policy.Required && row.Status == Undecided })
}
