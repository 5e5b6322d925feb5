package ruleset

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"
)

// Ruleset is the rules of a firewall, as they were listed.
type Ruleset struct {
	Name string // of the file
	Kind Kind

	bases   []*chain        // those that hang at a hook
	covers  [2]bool         // whether it says anything about IPv4, and about IPv6
	edges   []edge          // chains at the edges, which aren't modelled
	own     map[string]bool // what it explains of other listings, see chain.listed
	outside []string        // what it has that no packet of ours is judged by here, and why
	protos  map[uint8]bool  // that rules name
}

// Kind is which program listed the rules.
type Kind string

// The kinds.
const (
	NFTables Kind = "nft -j list ruleset"
	IPTables Kind = "iptables-save"
)

// Hook is where in the kernel a packet is judged.
type Hook string

// The hooks of netfilter's inet family. The last two aren't modelled.
const (
	Prerouting  Hook = "prerouting"
	Input       Hook = "input"
	Forward     Hook = "forward"
	Output      Hook = "output"
	Postrouting Hook = "postrouting"
	Ingress     Hook = "ingress"
	Egress      Hook = "egress"
)

// chain is a list of rules.
type chain struct {
	name     string // as people call it: "chain forward of table inet filter"
	hook     Hook   // of a base chain
	priority int
	nat      bool    // sees the first packet of a flow only
	families [2]bool // IPv4, IPv6
	policy   verdict
	rules    []rule

	listed     string  // as what another listing may explain it: "ip filter FORWARD"
	ends       verdict // how a packet's journey can end in it, or in chains that it jumps to
	translates bool    // it may give a flow another source
	alters     bool    // it may change what later chains see
}

// rule is tests that a packet must pass, and what becomes of it then.
type rule struct {
	name   string // `rule 7 ("T1: media")`
	tests  []test
	action action
}

// action is what a rule does.
type action struct {
	kind       actionKind
	target     *chain // of a jump
	doubt      string // why nobody can tell
	translates bool   // the flow gets another source
	alters     bool   // of what is doubtful: later chains see another packet, or another state
}

type actionKind uint8

const (
	proceed actionKind = iota // to the next rule
	accept
	drop
	giveBack // return to the calling chain
	jump
	goAway   // goto: a jump that never comes back
	doubtful // something that the model doesn't know
)

// verdict is a set of possible outcomes.
type verdict uint8

const (
	canAccept verdict = 1 << iota
	canDrop
)

// test is one condition of a rule.
type test struct {
	exists       func(*situation) answer // whether packets of this kind have such a thing at all; nil: yes
	alternatives []alternative
	negated      bool
	own          bool   // it asks whether the destination is this machine's
	doubt        string // why nobody can tell, of packets that have it; then there are no alternatives
}

// alternative is one way to pass a test.
type alternative struct {
	when  func(*situation) answer // nil: always
	box   *box                    // nil: every packet
	doubt string                  // why nobody can tell, if when doesn't know; empty: for want of an interface
}

// answer is what a situation says of a condition.
type answer uint8

const (
	no answer = iota
	yes
	maybe // nobody can tell
	some  // it depends on addresses and ports
)

// situation is what is fixed about the packets of a region.
type situation struct {
	six     bool
	proto   uint8
	state   string // of conntrack: "new" or "established"
	flags   uint8  // of TCP
	in, out string // interfaces; empty: nobody said
	back    bool   // the packets go to the client

	redirects bool // a chain of nat may give flows another destination

	relays []box      // those whose other end isn't this machine
	hidden [dims]bool // what isn't the client's own here, since its source is translated
}

// nowhere is the interface that a packet doesn't have yet, or any more: none has such a name.
const nowhere = "/"

// at is what is fixed about packets when a base chain sees them. The kernel translates sources at priority 100 of
// postrouting, and the answers' destinations at priority -100 of prerouting, whatever the priorities of nat chains.
func (s situation) at(c *chain, translated bool) *situation {
	switch c.hook {
	case Prerouting, Input:
		s.out = nowhere
	case Output:
		s.in = nowhere
	}
	switch {
	case !translated || c.nat:
	case s.back && c.hook == Prerouting && c.priority <= -100:
		s.hidden[dstAddr], s.hidden[dstPort] = true, true
	case !s.back && c.hook == Postrouting && c.priority >= 100:
		s.hidden[srcAddr], s.hidden[srcPort] = true, true
	}
	return &s
}

// Parse reads what "nft -j list ruleset" or "iptables-save" printed, and tells them apart. An error names the file,
// line and column.
func Parse(name string, source []byte) (*Ruleset, error) {
	source = bytes.TrimPrefix(source, []byte("\ufeff"))
	rs := &Ruleset{Name: name, protos: make(map[uint8]bool), own: make(map[string]bool)}
	var err error
	if trimmed := bytes.TrimSpace(source); len(trimmed) == 0 {
		err = &placed{1, 1, `the file is empty: write "nft -j list ruleset" or "iptables-save" into it, as root`}
	} else if trimmed[0] == '{' {
		err = rs.readNFT(source)
	} else {
		err = rs.readIPTables(source)
	}
	if err == nil {
		err = rs.finish()
	}
	var p *placed
	switch {
	case errors.As(err, &p):
		return nil, fmt.Errorf("%s:%d:%d: %s", name, p.line, p.column, p.words)
	case err != nil:
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return rs, nil
}

// placed is an error with its place.
type placed struct {
	line, column int
	words        string
}

func (p *placed) Error() string { return fmt.Sprintf("%d:%d: %s", p.line, p.column, p.words) }

// Merge adds the rules of another listing of the same machine, such as ip6tables-save beside iptables-save. Of chains
// that both nft and iptables list, iptables says what they mean; those that iptables can't list, nft does.
func (rs *Ruleset) Merge(other *Ruleset) {
	rs.cede(other)
	other.cede(rs)
	rs.Name += " and " + other.Name
	if rs.Kind != other.Kind {
		rs.Kind += " and " + other.Kind
	}
	rs.bases = append(rs.bases, other.bases...)
	rs.outside = append(rs.outside, other.outside...)
	for i := range rs.covers {
		rs.covers[i] = rs.covers[i] || other.covers[i]
	}
	for p := range other.protos {
		rs.protos[p] = true
	}
	for t := range other.own {
		rs.own[t] = true
	}
	rs.sort()
}

// cede leaves out the chains that another listing explains.
func (rs *Ruleset) cede(to *Ruleset) {
	rs.bases = slices.DeleteFunc(rs.bases, func(c *chain) bool { return to.own[c.listed] })
}

// finish puts base chains in order and refuses jumps that go round in a circle, which the kernel refuses too.
func (rs *Ruleset) finish() error {
	done := make(map[*chain]bool)
	for _, c := range rs.bases {
		if err := acyclic(c, nil, done); err != nil {
			return err
		}
	}
	for _, e := range rs.edges {
		if err := acyclic(e.chain, nil, done); err != nil {
			return err
		}
		if (e.policy|e.ends)&canDrop != 0 {
			rs.bases = append(rs.bases, e.doubtful())
		}
	}
	rs.sort()
	return nil
}

func (rs *Ruleset) sort() {
	slices.SortStableFunc(rs.bases, func(a, b *chain) int {
		return cmp.Or(cmp.Compare(a.turn(), b.turn()), cmp.Compare(a.priority, b.priority))
	})
}

// turn is when packets meet a chain: one of nat before those that see the translated source (see at), whatever its
// own priority.
func (c *chain) turn() int {
	if c.nat && c.hook == Postrouting {
		return min(c.priority, 99)
	}
	return c.priority
}

// acyclic finds circles, and how packets can fare in chains.
func acyclic(c *chain, above []*chain, done map[*chain]bool) error {
	switch {
	case slices.Contains(above, c):
		return fmt.Errorf("%s jumps to itself, by way of others or not", c.name)
	case done[c]:
		return nil
	}
	above = append(above, c)
	for _, r := range c.rules {
		a := r.action
		if a.target != nil {
			if err := acyclic(a.target, above, done); err != nil {
				return err
			}
			c.ends |= a.target.ends
			c.translates = c.translates || a.target.translates
			c.alters = c.alters || a.target.alters
		}
		c.translates = c.translates || a.translates
		c.alters = c.alters || a.alters
		switch a.kind {
		case accept:
			c.ends |= canAccept
		case drop:
			c.ends |= canDrop
		case doubtful:
			c.ends |= canAccept | canDrop
		}
	}
	done[c] = true
	return nil
}

// hooks are the base chains that packets meet at some hooks, in order.
func (rs *Ruleset) hooks(six bool, hooks ...Hook) (out []*chain) {
	for _, h := range hooks {
		for _, c := range rs.bases {
			if c.hook == h && c.families[family(six)] {
				out = append(out, c)
			}
		}
	}
	return out
}

func family(six bool) int {
	if six {
		return 1
	}
	return 0
}

// redirects tells whether a chain of nat may give a flow another destination.
func (rs *Ruleset) redirects() bool {
	return slices.ContainsFunc(rs.bases, func(c *chain) bool { return c.nat && c.ends&canDrop != 0 })
}

// has tells whether any chain hangs at a hook.
func (rs *Ruleset) has(h Hook) bool {
	return slices.ContainsFunc(rs.bases, func(c *chain) bool { return c.hook == h && !c.nat })
}
