package policy

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/proxyspec/proxyspec/sim/firewall"
	"github.com/proxyspec/proxyspec/sim/policy/internal/region"
)

// Difference is what changed from one policy to another, and what that means for calls.
type Difference struct {
	Old     string   `json:"old"`
	New     string   `json:"new"`
	Facts   []Fact   `json:"facts"`   // about the lists themselves
	Added   []Change `json:"added"`   // open by the new list, not by the old
	Removed []Change `json:"removed"` // open by the old list, not by the new
	Breaks  []Break  `json:"breaks"`
}

// Fact is a field of the list that changed.
type Fact struct {
	Field string `json:"field"`
	Old   string `json:"old"`
	New   string `json:"new"`
}

// Change is ports at a destination that were opened or closed.
type Change struct {
	Protocol    string `json:"protocol"`
	Destination string `json:"destination"` // an address, a network, a range or a domain name
	Ports       string `json:"ports"`       // "443, 3433-3460", or "any"
	Rows        string `json:"rows"`        // of the list that has them
}

// Break is calls that fail while firewall and service don't have the same list.
type Break struct {
	When    When   `json:"when"`
	Purpose string `json:"purpose"` // what the rows are for
	Total   bool   `json:"total"`   // no row of the purpose is left: every call breaks
	Words   string `json:"words"`
}

// When is the state in between in which calls break.
type When string

// The states in between. In both, one side has moved to the new list, and the other hasn't.
const (
	FirewallBehind When = "firewall-behind" // the service uses the new list, the firewall has the old one
	FirewallAhead  When = "firewall-ahead"  // the firewall has the new list only, the service still uses the old one
)

// Diff compares two policies by what they open, whatever their rows are called. A domain is compared as a name, since
// nobody knows its addresses of tomorrow.
func Diff(old, changed *Policy) Difference {
	a, b := openings(old), openings(changed)
	return Difference{
		Old: old.Name(), New: changed.Name(),
		Facts:   facts(old, changed),
		Added:   b.minus(a).changes(changed),
		Removed: a.minus(b).changes(old),
		Breaks:  append(breaks(FirewallBehind, changed, a), breaks(FirewallAhead, old, b)...),
	}
}

func facts(old, changed *Policy) []Fact {
	out := []Fact{}
	for _, f := range []struct{ field, old, changed string }{
		{"id", old.ID, changed.ID},
		{"vendor", old.Vendor, changed.Vendor},
		{"source", old.Source, changed.Source},
		{"as-of", day(old), day(changed)},
		{"stage", string(old.Stage), string(changed.Stage)},
		{"region", old.Region, changed.Region},
		{"sdk", old.SDK.String(), changed.SDK.String()},
		{"mode", old.Mode, changed.Mode},
	} {
		if f.old != f.changed {
			out = append(out, Fact{f.field, f.old, f.changed})
		}
	}
	return out
}

// changes lists what is open, with the rows of the policy that open it.
func (o opened) changes(p *Policy) []Change {
	out := []Change{}
	rows := newRowIndex(p)
	o.each(func(proto firewall.Proto, destination string, s region.Stripe) {
		out = append(out, Change{proto.String(), destination, s.Ports.String(), rows.at(proto, destination, s)})
	})
	return out
}

// breaks finds the calls that fail when the service uses one list and the firewall has what another one opens. Rows
// of one purpose stand in for each other: a call that finds an edge closed asks the next one.
func breaks(when When, used *Policy, firewall opened) []Break {
	out := []Break{}
	order, by := needs(used)
	for _, purpose := range order {
		need := by[purpose].opened()
		closed := need.minus(firewall)
		all, missing := need.count(), closed.count()
		if missing == 0 {
			continue
		}
		b := Break{When: when, Purpose: purpose, Total: missing == all}
		what := purpose
		if what == "" {
			what = "rows without a purpose"
		}
		if b.Total {
			b.Words = fmt.Sprintf("every call: nothing for %s is open", what)
		} else {
			b.Words = fmt.Sprintf("calls that are sent to %s for %s; others of its rows are open", closed.places(), what)
		}
		out = append(out, b)
	}
	slices.SortStableFunc(out, func(a, b Break) int { return cmp.Compare(btoi(b.Total), btoi(a.Total)) })
	return out
}

// Broken tells whether any call breaks in between.
func (d Difference) Broken() bool { return len(d.Breaks) > 0 }
