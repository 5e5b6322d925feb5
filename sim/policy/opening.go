package policy

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/proxyspec/proxyspec/sim/firewall"
	"github.com/proxyspec/proxyspec/sim/policy/internal/region"
)

// opening is what is open by one protocol.
type opening struct {
	reach region.Reach
	names map[string]region.Ports // by domain
}

// opened is what a policy opens, by protocol.
type opened map[firewall.Proto]opening

// collector gathers what rows open.
type collector struct {
	stripes map[firewall.Proto][]region.Stripe
	names   map[firewall.Proto]map[string]region.Ports
}

func newCollector() *collector {
	return &collector{make(map[firewall.Proto][]region.Stripe), make(map[firewall.Proto]map[string]region.Ports)}
}

// add takes in some ports of an entry.
func (c *collector) add(e *Entry, ports region.Ports) {
	for _, proto := range e.Protocols {
		for _, d := range e.Destinations {
			if d.Domain == "" {
				c.stripes[proto] = append(c.stripes[proto], region.Stripe{First: d.First, Last: d.Last, Ports: ports})
				continue
			}
			if c.names[proto] == nil {
				c.names[proto] = make(map[string]region.Ports)
			}
			c.names[proto][d.Domain] = c.names[proto][d.Domain].Union(ports)
		}
	}
}

func (c *collector) opened() opened {
	out := make(opened)
	for _, proto := range []firewall.Proto{firewall.TCP, firewall.UDP} {
		if len(c.stripes[proto]) > 0 || len(c.names[proto]) > 0 {
			out[proto] = opening{region.NewReach(c.stripes[proto]), c.names[proto]}
		}
	}
	return out
}

// openings is what a policy opens.
func openings(p *Policy) opened {
	c := newCollector()
	for i := range p.Entries {
		c.add(&p.Entries[i], p.Entries[i].ports())
	}
	return c.opened()
}

// needs is what the required rows of a policy open, by purpose, and the purposes in the rows' order.
func needs(p *Policy) (order []string, by map[string]*collector) {
	by = make(map[string]*collector)
	for i := range p.Entries {
		e := &p.Entries[i]
		if e.Level != Required {
			continue
		}
		for _, g := range e.groups() {
			if by[g.purpose] == nil {
				by[g.purpose] = newCollector()
				order = append(order, g.purpose)
			}
			by[g.purpose].add(e, g.ports)
		}
	}
	return order, by
}

// minus is what is open here and not there.
func (o opened) minus(other opened) opened {
	out := make(opened)
	for proto, a := range o {
		b := other[proto]
		left := opening{a.reach.Minus(b.reach), make(map[string]region.Ports)}
		for domain, ports := range a.names {
			if rest := ports.Minus(b.portsOf(domain)); len(rest) > 0 {
				left.names[domain] = rest
			}
		}
		if len(left.reach) > 0 || len(left.names) > 0 {
			out[proto] = left
		}
	}
	return out
}

// portsOf is the ports that are open at a domain, by its own name or by a "*." above it.
func (o opening) portsOf(domain string) region.Ports {
	ports := o.names[domain]
	for rest := strings.TrimPrefix(domain, "*."); ; {
		_, above, ok := strings.Cut(rest, ".")
		if !ok {
			return ports
		}
		ports = ports.Union(o.names["*."+above])
		rest = above
	}
}

// count is how many pairs of address and port, and of domain and port, are open.
func (o opened) count() (n uint64) {
	for _, x := range o {
		n = saturated(n, x.reach.Count())
		for _, ports := range x.names {
			n = saturated(n, uint64(ports.Count()))
		}
	}
	return n
}

// each visits what is open, in order.
func (o opened) each(visit func(proto firewall.Proto, destination string, stripe region.Stripe)) {
	for _, proto := range slices.Sorted(maps.Keys(o)) {
		for _, s := range o[proto].reach {
			visit(proto, region.Addresses(s.First, s.Last), s)
		}
		for _, domain := range slices.Sorted(maps.Keys(o[proto].names)) {
			visit(proto, domain, region.Stripe{Ports: o[proto].names[domain]})
		}
	}
}

// places is where something is, the first few of them: "TCP 192.0.2.1:443".
func (o opened) places() string {
	const most = 4
	var all []string
	n := 0
	o.each(func(proto firewall.Proto, destination string, s region.Stripe) {
		if n++; n <= most {
			all = append(all, fmt.Sprintf("%v %s (%v)", proto, destination, s.Ports))
		}
	})
	if n > most {
		return strings.Join(all, ", ") + fmt.Sprintf(" and %d more", n-most)
	}
	return strings.Join(all, ", ")
}
