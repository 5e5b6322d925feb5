package variant

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/proxyspec/proxyspec/conformance/result"
	"github.com/proxyspec/proxyspec/conformance/timeline"
	"github.com/proxyspec/proxyspec/sim/firewall"
)

// opening is what the firewall lets through in a variant, before all that it was told.
type opening struct {
	change string
	rules  []firewall.Rule
}

// subject is the host whose way through the firewall is varied.
const subject = "alice"

// At most so many of a kind are tried; the rest would say little more.
const (
	mostPorts = 3
	mostRows  = 4
)

// openings is what could be opened for a case that failed, the narrowest first: each port that was tried and
// stopped, each row of the whitelist that is missing, the whole whitelist, everything. A case that the firewall stopped
// nothing of has none.
func openings(c *result.Case) (list []opening) {
	from, names := whoIsWho(c)
	if !from.IsValid() {
		return nil
	}
	for _, p := range stopped(c.Ladder, from) {
		if len(list) == mostPorts {
			break
		}
		r := firewall.Rule{Proto: p.proto, Ports: []firewall.PortRange{firewall.Port(p.port)}}
		var to []string
		slices.SortFunc(p.to, netip.Addr.Compare)
		for _, a := range p.to {
			r.Destinations = append(r.Destinations, netip.PrefixFrom(a, a.BitLen()))
			name := names[a]
			if name == "" {
				name = a.String()
			}
			to = append(to, name)
		}
		slices.Sort(to)
		list = append(list, opening{fmt.Sprintf("%s %d to %s open", p.proto, p.port, join(to)), []firewall.Rule{r}})
	}
	list = append(list, rows(c.MissingRows)...)
	if len(list) > 0 {
		list = append(list, opening{"everything open", []firewall.Rule{{}}})
	}
	for _, o := range list {
		for i := range o.rules {
			r := &o.rules[i]
			r.ID, r.Action = fmt.Sprintf("variant %d", i+1), firewall.Allow
			r.Sources = []netip.Prefix{netip.PrefixFrom(from, from.BitLen())}
		}
	}
	return list
}

// rows opens rows of the whitelist: each by itself, and all of them.
func rows(missing []string) (list []opening) {
	var all []firewall.Rule
	for _, r := range firewall.Whitelist().Rules {
		if !slices.Contains(missing, r.ID) {
			continue
		}
		all = append(all, r)
		if len(all) <= mostRows {
			list = append(list, opening{fmt.Sprintf("row %s open", r.ID), []firewall.Rule{r}})
		}
	}
	if len(all) > 1 {
		list = append(list, opening{"the whole whitelist open", all})
	}
	return list
}

func whoIsWho(c *result.Case) (from netip.Addr, names map[netip.Addr]string) {
	names = make(map[netip.Addr]string)
	for _, h := range c.Hosts {
		for _, a := range h.Addrs {
			names[a] = h.Name
			if h.Name == subject && !from.IsValid() {
				from = a
			}
		}
	}
	return from, names
}

// port is one that was tried, and where.
type port struct {
	proto firewall.Proto
	port  uint16
	to    []netip.Addr
}

// stopped is the ports whose packets from a host the firewall stopped, in the order in which they were tried.
func stopped(events []timeline.Event, from netip.Addr) (ports []port) {
	for _, e := range events {
		proto, known := map[string]firewall.Proto{"TCP": firewall.TCP, "UDP": firewall.UDP}[e.Proto]
		if e.Kind != timeline.KindPacket || !known || e.From.Addr() != from || e.Verdict == "" || e.Verdict == firewall.Allow.String() {
			continue
		}
		i := slices.IndexFunc(ports, func(p port) bool { return p.proto == proto && p.port == e.To.Port() })
		if i < 0 {
			ports, i = append(ports, port{proto: proto, port: e.To.Port()}), len(ports)
		}
		if !slices.Contains(ports[i].to, e.To.Addr()) {
			ports[i].to = append(ports[i].to, e.To.Addr())
		}
	}
	return ports
}

func join(names []string) string {
	if n := len(names); n > 1 {
		return strings.Join(names[:n-1], ", ") + " and " + names[n-1]
	}
	return strings.Join(names, "")
}
