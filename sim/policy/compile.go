package policy

import (
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/proxyspec/proxyspec/sim/firewall"
)

// Use is where and when a policy is used. The zero value is everybody, with no name resolved.
type Use struct {
	Sources []netip.Prefix // the clients that may use it; none: everybody
	Names   *Names         // the addresses of domains; nil: none is known
	Now     time.Time      // the time by which Names is asked
	Own     bool           // exported rules are for the client's own computer, not for a router before it
}

// chain is where exported rules judge packets.
func (u Use) chain() string {
	if u.Own {
		return "output"
	}
	return "forward"
}

// Compile makes rules for a firewall: one for each entry and protocol, in order, and all else dropped. A rule bears
// its entry's ID, with "/tcp" or "/udp" if the entry has both.
//
// A domain stands for the addresses that its name has at this time. An entry whose domains have none gets no rule:
// a rule without destinations would open everything. Names.Change tells when to compile again.
func (p *Policy) Compile(u Use) firewall.Policy {
	out := firewall.Policy{ID: p.ID}
	for i := range p.Entries {
		e := &p.Entries[i]
		destinations := e.prefixes(u)
		if len(destinations) == 0 {
			continue
		}
		for _, proto := range e.Protocols {
			out.Rules = append(out.Rules, firewall.Rule{
				ID:           e.ruleID(proto),
				Proto:        proto,
				Sources:      slices.Clone(u.Sources),
				Destinations: slices.Clone(destinations),
				Ports:        e.ranges(),
				Action:       firewall.Allow,
				Purpose:      e.PurposeText(),
			})
		}
	}
	return out
}

// prefixes is the entry's destinations as networks, each once.
func (e *Entry) prefixes(u Use) (out []netip.Prefix) {
	seen := make(map[netip.Prefix]bool, len(e.Destinations))
	add := func(p netip.Prefix) {
		if !seen[p] {
			seen[p] = true
			out = append(out, p)
		}
	}
	for _, d := range e.Destinations {
		for _, p := range d.prefixes() {
			add(p)
		}
		if d.Domain != "" {
			for _, a := range u.Names.Addresses(u.Now, d.Domain) {
				add(netip.PrefixFrom(a, a.BitLen()))
			}
		}
	}
	return out
}

func (e *Entry) ruleID(proto firewall.Proto) string {
	if len(e.Protocols) == 1 {
		return e.ID
	}
	return e.ID + "/" + strings.ToLower(proto.String())
}

// entryOf finds the entry that a rule was made of.
func (p *Policy) entryOf(rule string) (*Entry, bool) {
	id, _, _ := strings.Cut(rule, "/") // no ID has one
	return p.Entry(id)
}
