package policy

import (
	"fmt"
	"net/netip"
	"regexp"
	"strings"
)

// nftWriter writes a policy as a script for nft.
type nftWriter struct {
	Use
	table string
	sets  strings.Builder // before the chain
	rules strings.Builder
	named map[string][2]string // the sets of a domain, by family
}

const nftHead = `# Load it with "nft -f FILE". It replaces the table
# %s and touches no other. `

const nftForward = `Its chain drops whatever else this
# machine forwards, and no other table can let that through again. Traffic of the machine itself isn't forwarded: it is
# none of this chain's business.
`

const nftOutput = `Its chain drops whatever else this
# machine sends, by loopback apart, and no other table can let that through again. Name queries too: a name server
# elsewhere needs a row of its own.
`

func (p *Policy) nft(u Use) string {
	w := nftWriter{Use: u, table: "proxyspec_" + regexp.MustCompile(`[^A-Za-z0-9]`).ReplaceAllString(p.ID, "_"), named: make(map[string][2]string)}
	if u.Own { // a router may be a client too: neither of its exports takes the other's place
		w.table += "_" + u.chain()
	}
	for i := range p.Entries {
		w.entry(&p.Entries[i])
	}
	var b strings.Builder
	about, own := nftForward, ""
	if u.Own {
		about, own = nftOutput, "\t\toifname \"lo\" accept comment \"the machine itself\"\n"+
			"\t\ticmpv6 type { nd-router-solicit, nd-neighbor-solicit, nd-neighbor-advert } accept comment \"how IPv6 finds its neighbours\"\n"
	}
	fmt.Fprintf(&b, "#!/usr/sbin/nft -f\n%s%s%s", p.head(), fmt.Sprintf(nftHead, w.table), about)
	fmt.Fprintf(&b, "\ntable inet %[1]s\ndelete table inet %[1]s\n\ntable inet %[1]s {\n%[2]s", w.table, w.sets.String())
	fmt.Fprintf(&b, `	chain %[1]s {
		type filter hook %[1]s priority filter; policy drop;

%[2]s		ct state established,related accept comment "answers, and flows that were answered"
		ct state invalid drop comment "fits no flow"
		ct state new tcp flags & (fin | syn | rst | ack) != syn drop comment "a connection begins with SYN"
`, u.chain(), own)
	fmt.Fprintf(&b, "%s\t}\n}\n", w.rules.String())
	return b.String()
}

// entry writes the rules of a row: one for each protocol and family, and one for each domain.
func (w *nftWriter) entry(e *Entry) {
	fmt.Fprintf(&w.rules, "\n\t\t%s\n", e.title())
	for _, six := range []bool{false, true} {
		var parts []string
		for _, d := range e.blocks(six) {
			parts = append(parts, d.String())
		}
		if len(parts) > 0 {
			w.rule(e, six, nftSet(parts))
		}
		if len(w.Sources) > 0 && len(ofFamily(w.Sources, six)) == 0 {
			continue // no client could send there
		}
		for _, domain := range e.domains() {
			w.domain(domain)
			w.rule(e, six, "@"+w.named[domain][btoi(six)])
		}
	}
}

func (w *nftWriter) rule(e *Entry, six bool, destinations string) {
	ip := "ip"
	if six {
		ip = "ip6"
	}
	source := ""
	if len(w.Sources) > 0 {
		mine := ofFamily(w.Sources, six)
		if len(mine) == 0 {
			fmt.Fprintf(&w.rules, "\t\t# not open: %s, for no client has an address of that family\n", destinations)
			return
		}
		var parts []string
		for _, s := range mine {
			parts = append(parts, nftPrefix(s))
		}
		source = fmt.Sprintf("%s saddr %s ", ip, nftSet(parts))
	}
	for _, proto := range e.Protocols {
		name := strings.ToLower(proto.String())
		match := "meta l4proto " + name
		if ranges := e.ranges(); len(ranges) > 0 {
			var parts []string
			for _, r := range ranges {
				parts = append(parts, r.String())
			}
			match = name + " dport " + nftSet(parts)
		}
		fmt.Fprintf(&w.rules, "\t\t%s%s daddr %s %s accept comment \"%s\"\n", source, ip, destinations, match, e.label())
	}
}

func nftPrefix(p netip.Prefix) string {
	if p.IsSingleIP() {
		return p.Addr().String()
	}
	return p.String()
}

func nftSet(parts []string) string {
	if len(parts) == 1 {
		return parts[0]
	}
	return "{ " + strings.Join(parts, ", ") + " }"
}

// domain declares the sets of a name's addresses, once.
func (w *nftWriter) domain(domain string) {
	if _, ok := w.named[domain]; ok {
		return
	}
	n := len(w.named) + 1
	sets := [2]string{fmt.Sprintf("domain%d_ipv4", n), fmt.Sprintf("domain%d_ipv6", n)}
	w.named[domain] = sets
	known := w.Names.Addresses(w.Now, domain)
	if len(known) > 0 {
		fmt.Fprintf(&w.sets, "\t# %s: the addresses that the name has now. When they change, export and load again.\n", domain)
	} else {
		fmt.Fprintf(&w.sets, "\t# %s: nftables can't follow a name. Nothing passes until these sets are\n"+
			"\t# filled, for instance by dnsmasq as the clients' name server, with this line in its configuration:\n"+
			"\t#   nftset=/%s/4#inet#%s#%s,6#inet#%s#%s\n", domain, strings.TrimPrefix(domain, "*."), w.table, sets[0], w.table, sets[1])
	}
	for six, set := range sets {
		var parts []string
		for _, a := range known {
			if a.Is6() == (six == 1) {
				parts = append(parts, a.String())
			}
		}
		fmt.Fprintf(&w.sets, "\tset %s {\n\t\ttype ipv%d_addr\n", set, 4+2*six)
		switch {
		case len(parts) > 0:
			fmt.Fprintf(&w.sets, "\t\telements = { %s }\n", strings.Join(parts, ", "))
		case len(known) == 0:
			w.sets.WriteString("\t\tflags timeout\n\t\ttimeout 1h\n")
		}
		w.sets.WriteString("\t}\n")
	}
	w.sets.WriteString("\n")
}
