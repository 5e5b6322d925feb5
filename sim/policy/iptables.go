package policy

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/proxyspec/proxyspec/sim/firewall"
)

// iptablesWriter writes the rows of one family for iptables-restore.
type iptablesWriter struct {
	Use
	six   bool
	chain string
	out   strings.Builder
}

const iptablesHead = `# Load it with "%[1]s-restore --noflush FILE". It replaces the rules of the chain %[3]s and touches no other:
# without --noflush the other chains' rules would go too. The chain drops whatever else this machine %[4]s.
# %[5]s The rows of the other family
# of addresses need "%[2]s-restore".
`

func (p *Policy) iptables(u Use, six bool) string {
	w := iptablesWriter{Use: u, six: six}
	this, other := "iptables", "ip6tables"
	if six {
		this, other = other, this
	}
	w.chain = strings.ToUpper(u.chain())
	does, besides, own := "forwards", "Traffic of the machine itself isn't forwarded: it is none of this chain's business.", ""
	if u.Own {
		does, besides = "sends", "Name queries too: a name server elsewhere needs a row of its own."
		own = "-A OUTPUT -o lo -m comment --comment \"the machine itself\" -j ACCEPT\n"
		if six {
			for _, kind := range []string{"router-solicitation", "neighbour-solicitation", "neighbour-advertisement"} {
				own += "-A OUTPUT -p ipv6-icmp -m icmp6 --icmpv6-type " + kind + " -m comment --comment \"how IPv6 finds its neighbours\" -j ACCEPT\n"
			}
		}
	}
	fmt.Fprintf(&w.out, "%s%s\n", p.head(), fmt.Sprintf(iptablesHead, this, other, w.chain, does, besides))
	fmt.Fprintf(&w.out, `*filter
:%[1]s DROP [0:0]
-F %[1]s
%[2]s-A %[1]s -m conntrack --ctstate RELATED,ESTABLISHED -m comment --comment "answers, and flows that were answered" -j ACCEPT
-A %[1]s -m conntrack --ctstate INVALID -m comment --comment "fits no flow" -j DROP
-A %[1]s -p tcp -m conntrack --ctstate NEW -m tcp ! --tcp-flags FIN,SYN,RST,ACK SYN -m comment --comment "a connection begins with SYN" -j DROP
`, w.chain, own)
	for i := range p.Entries {
		w.entry(&p.Entries[i])
	}
	w.out.WriteString("COMMIT\n")
	return w.out.String()
}

// entry writes the rules of a row: one for each protocol, source, destination and 15 ports.
func (w *iptablesWriter) entry(e *Entry) {
	fmt.Fprintf(&w.out, "\n%s\n", e.title())
	sources := []string{""}
	if len(w.Sources) > 0 {
		sources = nil
		for _, s := range ofFamily(w.Sources, w.six) {
			sources = append(sources, "-s "+s.String()+" ")
		}
	}
	destinations := w.destinations(e)
	switch {
	case len(destinations) == 0:
		return
	case len(sources) == 0:
		w.out.WriteString("# not open: none of the clients has an address of this family\n")
	}
	for _, proto := range e.Protocols {
		name := strings.ToLower(proto.String())
		for _, source := range sources {
			for _, destination := range destinations {
				for _, ports := range portMatches(e.ranges()) {
					fmt.Fprintf(&w.out, "-A %s %s%s-p %s %s-m comment --comment \"%s\" -j ACCEPT\n", w.chain, source, destination, name, ports, e.label())
				}
			}
		}
	}
}

// destinations are the matches of the row's addresses of this family, and say what becomes of the others.
func (w *iptablesWriter) destinations(e *Entry) (out []string) {
	for _, d := range e.blocks(w.six) {
		if prefixes := d.prefixes(); len(prefixes) == 1 {
			out = append(out, "-d "+prefixes[0].String()+" ")
		} else {
			out = append(out, fmt.Sprintf("-m iprange --dst-range %v-%v ", d.First, d.Last))
		}
	}
	for _, d := range e.blocks(!w.six) {
		fmt.Fprintf(&w.out, "# not here: %v, which is of the other family\n", d)
	}
	for _, domain := range e.domains() {
		known := w.Names.Addresses(w.Now, domain)
		if len(known) == 0 {
			fmt.Fprintf(&w.out, "# NOT OPEN: %s is a name, which iptables can't follow. Export with --zone FILE to\n"+
				"# open the addresses that it has now, and again when they change; or use --format nft, whose sets a name server can fill.\n", domain)
			continue
		}
		fmt.Fprintf(&w.out, "# %s: the addresses that the name has now. When they change, export and load again.\n", domain)
		for _, a := range known {
			if a.Is6() == w.six {
				out = append(out, "-d "+netip.PrefixFrom(a, a.BitLen()).String()+" ")
			}
		}
	}
	return out
}

// portMatches are the matches for ports. The multiport match takes 15 ports, and a range counts as two.
func portMatches(ranges []firewall.PortRange) (out []string) {
	switch len(ranges) {
	case 0:
		return []string{""}
	case 1:
		return []string{"--dport " + colon(ranges[0]) + " "}
	}
	var parts []string
	size := 0
	flush := func() {
		out = append(out, "-m multiport --dports "+strings.Join(parts, ",")+" ")
		parts, size = nil, 0
	}
	for _, r := range ranges {
		n := 1
		if r.First < r.Last {
			n = 2
		}
		if size+n > 15 {
			flush()
		}
		parts, size = append(parts, colon(r)), size+n
	}
	flush()
	return out
}

func colon(r firewall.PortRange) string { return strings.ReplaceAll(r.String(), "-", ":") }
