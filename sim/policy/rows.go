package policy

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/proxyspec/proxyspec/sim/firewall"
	"github.com/proxyspec/proxyspec/sim/policy/internal/region"
)

// rowIndex finds the rows that open something, without trying them all.
type rowIndex struct {
	stripes map[firewall.Proto][]rowStripe // by their first address
	domains map[firewall.Proto]map[string][]*Entry
}

type rowStripe struct {
	region.Stripe
	entry  *Entry
	order  int
	widest netip.Addr // the last address of this one and all before it
}

func newRowIndex(p *Policy) *rowIndex {
	x := &rowIndex{make(map[firewall.Proto][]rowStripe), make(map[firewall.Proto]map[string][]*Entry)}
	for i := range p.Entries {
		e := &p.Entries[i]
		ports := e.ports()
		for _, proto := range e.Protocols {
			for _, d := range e.Destinations {
				if d.Domain == "" {
					x.stripes[proto] = append(x.stripes[proto], rowStripe{region.Stripe{First: d.First, Last: d.Last, Ports: ports}, e, i, d.Last})
					continue
				}
				if x.domains[proto] == nil {
					x.domains[proto] = make(map[string][]*Entry)
				}
				x.domains[proto][d.Domain] = append(x.domains[proto][d.Domain], e)
			}
		}
	}
	for _, s := range x.stripes {
		slices.SortStableFunc(s, func(a, b rowStripe) int { return a.First.Compare(b.First) })
		for i := 1; i < len(s); i++ {
			if s[i].widest.Less(s[i-1].widest) {
				s[i].widest = s[i-1].widest
			}
		}
	}
	return x
}

// at names the rows that open any of a stripe, or of a domain: "T1, T2".
func (x *rowIndex) at(proto firewall.Proto, destination string, s region.Stripe) string {
	var ids []string
	add := func(e *Entry) {
		if len(e.ports().Intersect(s.Ports)) > 0 && !slices.Contains(ids, e.ID) {
			ids = append(ids, e.ID)
		}
	}
	if !s.First.IsValid() {
		for _, e := range x.domains[proto][destination] {
			add(e)
		}
		return strings.Join(ids, ", ")
	}
	all := x.stripes[proto]
	end, _ := slices.BinarySearchFunc(all, s.Last, func(r rowStripe, last netip.Addr) int {
		if r.First.Compare(last) <= 0 {
			return -1
		}
		return 1
	})
	var found []rowStripe
	for i := end - 1; i >= 0 && s.First.Compare(all[i].widest) <= 0; i-- {
		if s.First.Compare(all[i].Last) <= 0 {
			found = append(found, all[i])
		}
	}
	slices.SortFunc(found, func(a, b rowStripe) int { return a.order - b.order })
	for _, r := range found {
		add(r.entry)
	}
	return strings.Join(ids, ", ")
}
