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

	bases   []*chain       // those that hang at a hook
	covers  [2]bool        // whether it says anything about IPv4, and about IPv6
	outside []string       // what it has that no packet of ours is judged by here, and why
	protos  map[uint8]bool // that rules name
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

// The hooks of netfilter's inet family.
const (
	Prerouting  Hook = "prerouting"
	Input       Hook = "input"
	Forward     Hook = "forward"
	Output      Hook = "output"
	Postrouting Hook = "postrouting"
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
}

// rule is tests that a packet must pass, and what becomes of it then.
type rule struct {
	name   string // `rule 7 ("T1: media")`
	tests  []test
	action action
}

// action is what a rule does.
type action struct {
	kind   actionKind
	target *chain // of a jump
	doubt  string // why nobody can tell
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
	doubt        string // why nobody can tell, of packets that have it; then there are no alternatives
}

// alternative is one way to pass a test.
type alternative struct {
	when func(*situation) answer // nil: always
	box  *box                    // nil: every packet
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
}

// Parse reads what "nft -j list ruleset" or "iptables-save" printed, and tells them apart. An error names the file,
// line and column.
func Parse(name string, source []byte) (*Ruleset, error) {
	rs := &Ruleset{Name: name, protos: make(map[uint8]bool)}
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

// Merge adds the rules of another listing of the same machine, such as ip6tables-save beside iptables-save.
func (rs *Ruleset) Merge(other *Ruleset) {
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
	rs.sort()
}

// finish puts base chains in order and refuses jumps that go round in a circle, which the kernel refuses too.
func (rs *Ruleset) finish() error {
	rs.sort()
	done := make(map[*chain]bool)
	for _, c := range rs.bases {
		if err := acyclic(c, nil, done); err != nil {
			return err
		}
	}
	return nil
}

func (rs *Ruleset) sort() {
	slices.SortStableFunc(rs.bases, func(a, b *chain) int { return cmp.Compare(a.priority, b.priority) })
}

func acyclic(c *chain, above []*chain, done map[*chain]bool) error {
	switch {
	case slices.Contains(above, c):
		return fmt.Errorf("%s jumps to itself, by way of others or not", c.name)
	case done[c]:
		return nil
	}
	above = append(above, c)
	for _, r := range c.rules {
		if r.action.target != nil {
			if err := acyclic(r.action.target, above, done); err != nil {
				return err
			}
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

// has tells whether any chain hangs at a hook.
func (rs *Ruleset) has(h Hook) bool {
	return slices.ContainsFunc(rs.bases, func(c *chain) bool { return c.hook == h && !c.nat })
}
