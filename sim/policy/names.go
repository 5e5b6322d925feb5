package policy

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// Names is what a firewall knows of domain names: the addresses in the answers that it saw, each until its time to
// live is over. That is how real firewalls let rules by name follow the name service. The zero value and nil know
// nothing.
//
// Like the firewall's flows it is a pure table: time comes in as an argument and never runs backwards, and it
// belongs to one goroutine.
type Names struct {
	names   map[string]map[netip.Addr]lease
	sweepAt int // number of names at which the next one makes it look for those that ended long ago
}

// lease is until when an address belongs to a name. Those that ended are kept, so that a drop can be explained.
type lease struct{ until time.Time }

// memory is how long an ended lease is worth remembering, and sweepMin the least number of names for which a search
// for others is worth the walk.
const (
	memory   = 24 * time.Hour
	sweepMin = 1024
)

// forever is the end of names that come from a file and don't change.
var forever = time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)

// Learn notes that a name has these addresses for so long. Addresses of earlier answers stay until their own time
// is over, as in firewalls: clients may still use them.
func (n *Names) Learn(now time.Time, name string, addrs []netip.Addr, ttl time.Duration) {
	name = canonical(name)
	if n.names == nil {
		n.names = make(map[string]map[netip.Addr]lease)
	}
	if n.names[name] == nil {
		n.forget(now)
		n.names[name] = make(map[netip.Addr]lease, len(addrs))
	}
	for _, a := range addrs {
		until := now.Add(ttl)
		if l, ok := n.names[name][a.Unmap()]; ok && l.until.After(until) {
			until = l.until
		}
		n.names[name][a.Unmap()] = lease{until}
	}
}

// forget drops what ended long ago, whenever the names have doubled since the last time.
func (n *Names) forget(now time.Time) {
	if len(n.names) < max(sweepMin, n.sweepAt) {
		return
	}
	for name, known := range n.names {
		for a, l := range known {
			if now.Sub(l.until) > memory {
				delete(known, a)
			}
		}
		if len(known) == 0 {
			delete(n.names, name)
		}
	}
	n.sweepAt = 2 * len(n.names)
}

// Hear learns from a DNS message as a firewall reads it off the wire, and tells whether that changed what the name
// means at this time. What is no answer with addresses teaches nothing. The addresses count for the name that was
// asked for, even if the answer reaches them by way of aliases, and then for the shortest of the times to live on
// that way.
func (n *Names) Hear(now time.Time, message []byte) bool {
	var m dns.Msg
	if m.Unpack(message) != nil || !m.Response || m.Rcode != dns.RcodeSuccess || len(m.Question) != 1 {
		return false
	}
	asked := canonical(m.Question[0].Name)
	name, ttl := asked, uint32(1<<31-1)
	for range m.Answer { // an alias leads on at most once for each record
		next := name
		for _, record := range m.Answer {
			if alias, ok := record.(*dns.CNAME); ok && canonical(alias.Hdr.Name) == name {
				next, ttl = canonical(alias.Target), min(ttl, alias.Hdr.Ttl)
			}
		}
		if next == name {
			break
		}
		name = next
	}
	before := n.Addresses(now, asked)
	for _, record := range m.Answer {
		header := record.Header()
		if canonical(header.Name) != name {
			continue
		}
		live := time.Duration(min(ttl, header.Ttl)) * time.Second
		switch r := record.(type) {
		case *dns.A:
			n.hearAddr(now, asked, r.A, live)
		case *dns.AAAA:
			n.hearAddr(now, asked, r.AAAA, live)
		}
	}
	return !slices.Equal(before, n.Addresses(now, asked))
}

func (n *Names) hearAddr(now time.Time, name string, raw []byte, ttl time.Duration) {
	if a, ok := netip.AddrFromSlice(raw); ok {
		n.Learn(now, name, []netip.Addr{a}, ttl)
	}
}

// Addresses is what a domain of a policy means at this time, in ascending order: "*.example.com" has the addresses
// of every name below that one that was heard of.
func (n *Names) Addresses(now time.Time, domain string) (out []netip.Addr) {
	n.each(domain, func(_ string, a netip.Addr, l lease) {
		if now.Before(l.until) {
			out = append(out, a)
		}
	})
	slices.SortFunc(out, netip.Addr.Compare)
	return slices.Compact(out)
}

// Change is when the next address falls out of use, or the zero time: by then Compile again.
func (n *Names) Change(now time.Time) (next time.Time) {
	if n == nil {
		return next
	}
	for _, known := range n.names {
		for _, l := range known {
			if now.Before(l.until) && l.until != forever && (next.IsZero() || l.until.Before(next)) {
				next = l.until
			}
		}
	}
	return next
}

// Explain says what is known of a domain and an address: why a rule by this name does or doesn't hold for it.
// stale tells that it did once.
func (n *Names) Explain(now time.Time, domain string, addr netip.Addr) (words string, stale bool) {
	var last lease
	var name string
	heard := false
	n.each(domain, func(host string, a netip.Addr, l lease) {
		heard = true
		if a == addr && l.until.After(last.until) {
			last, name = l, host
		}
	})
	switch {
	case !heard:
		return fmt.Sprintf("no answer for %s was seen", domain), false
	case name == "":
		return fmt.Sprintf("%s is %s", domain, orNothing(n.Addresses(now, domain))), false
	case last.until == forever:
		return fmt.Sprintf("%s is %v", name, addr), false
	case now.Before(last.until):
		return fmt.Sprintf("%s is %v for another %v", name, addr, last.until.Sub(now).Round(time.Second)), false
	}
	return fmt.Sprintf("%s was %v until %v ago, when the answer's time to live was over; clients must look the name up again",
		name, addr, now.Sub(last.until).Round(time.Second)), true
}

func orNothing(addrs []netip.Addr) string {
	if len(addrs) == 0 {
		return "without an address: every answer is out of date"
	}
	return joined(addrs)
}

func joined[T fmt.Stringer](items []T) string {
	parts := make([]string, len(items))
	for i, item := range items {
		parts[i] = item.String()
	}
	return strings.Join(parts, ", ")
}

// each visits what was heard of the names that a domain means.
func (n *Names) each(domain string, visit func(name string, a netip.Addr, l lease)) {
	if n == nil {
		return
	}
	visitAll := func(name string) {
		for a, l := range n.names[name] {
			visit(name, a, l)
		}
	}
	domain = canonical(domain)
	if !strings.HasPrefix(domain, "*.") {
		visitAll(domain)
		return
	}
	for _, name := range slices.Sorted(maps.Keys(n.names)) {
		if strings.HasSuffix(name, domain[1:]) {
			visitAll(name)
		}
	}
}

// canonical writes a name as policies do.
func canonical(name string) string { return strings.ToLower(strings.TrimSuffix(name, ".")) }
