package policy

import (
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/proxyspec/proxyspec/sim/firewall"
)

// Question asks about the first packet of a connection, or of a flow of datagrams, from inside.
type Question struct {
	Proto firewall.Proto
	Src   netip.Addr
	Dst   netip.AddrPort
}

// Explanation is what becomes of a packet, and why.
type Explanation struct {
	Protocol    string         `json:"protocol"`
	Source      netip.Addr     `json:"source"`
	Destination netip.AddrPort `json:"destination"`
	Verdict     string         `json:"verdict"`           // "allow" or "drop"
	Rule        string         `json:"rule"`              // the rule that decided, or "default"
	Words       string         `json:"words"`             // why
	Nearest     *Near          `json:"nearest,omitempty"` // of a packet that is dropped
	Remarks     []string       `json:"remarks,omitempty"` // what else bears on it
}

// Near is the rule that would have matched if the packet differed least.
type Near struct {
	Rule  string `json:"rule"`
	Words string `json:"words"`           // "TCP 3461 is one above row T1's range 3433-3460"
	Stale bool   `json:"stale,omitempty"` // it is by a name that had the destination's address until the answer was out of date
}

// Text is the explanation for a terminal.
func (e Explanation) Text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %v -> %v: %s\n  %s\n", e.Protocol, e.Source, e.Destination, e.Verdict, e.Words)
	if e.Nearest != nil {
		fmt.Fprintf(&b, "  nearest: %s\n", e.Nearest.Words)
	}
	for _, r := range e.Remarks {
		fmt.Fprintf(&b, "  note: %s\n", r)
	}
	return b.String()
}

// Explain says what a firewall with this policy does with a packet. It asks the firewall itself for the verdict.
func (p *Policy) Explain(q Question, u Use) (Explanation, error) {
	q.Dst = netip.AddrPortFrom(q.Dst.Addr().Unmap().WithZone(""), q.Dst.Port())
	q.Src = q.Src.Unmap().WithZone("")
	switch {
	case !q.Src.IsValid() || !q.Dst.IsValid() || q.Src.BitLen() != q.Dst.Addr().BitLen():
		return Explanation{}, fmt.Errorf("explain %v -> %v: source and destination must be addresses of one family", q.Src, q.Dst)
	case q.Proto != firewall.TCP && q.Proto != firewall.UDP:
		return Explanation{}, fmt.Errorf("explain %v: a policy is about TCP and UDP; everything else is dropped", q.Proto)
	}
	wall, err := firewall.New(p.Compile(u), firewall.Timeouts{})
	if err != nil {
		return Explanation{}, err
	}
	v := wall.Decide(time.Time{}, firewall.Packet{Proto: q.Proto, Src: netip.AddrPortFrom(q.Src, 50000), Dst: q.Dst, Flags: firewall.SYN})
	out := Explanation{Protocol: q.Proto.String(), Source: q.Src, Destination: q.Dst, Verdict: v.Action.String(), Rule: v.Rule}
	if v.Action == firewall.Allow {
		out.Words, out.Remarks = p.allowed(q, v.Rule, u)
		return out, nil
	}
	out.Words = "no row opens it, and all else is dropped"
	if near, ok := p.nearest(q, u); ok {
		out.Nearest = &near
	} else {
		out.Words = "no row opens it or anything near it, and all else is dropped"
	}
	out.Remarks = p.unresolved(u)
	return out, nil
}

// allowed says why a rule lets a packet through.
func (p *Policy) allowed(q Question, rule string, u Use) (words string, remarks []string) {
	e, _ := p.entryOf(rule)
	words = fmt.Sprintf("row %s opens %v %v", e.ID, q.Proto, q.Dst)
	byAddress := false
	for _, d := range e.Destinations {
		byAddress = byAddress || d.contains(q.Dst.Addr())
	}
	for _, d := range e.Destinations {
		for _, a := range u.Names.Addresses(u.Now, d.Domain) {
			if !byAddress && a == q.Dst.Addr() {
				known, _ := u.Names.Explain(u.Now, d.Domain, a)
				words = fmt.Sprintf("row %s opens %v %v at %s: %s", e.ID, q.Proto, q.Dst.Port(), d.Domain, known)
			}
		}
	}
	if purpose := e.PurposeOf(q.Dst.Port()); purpose != "" {
		words += ", for " + purpose
	}
	if e.SupersededBy != "" {
		remarks = append(remarks, fmt.Sprintf("row %s is superseded by row %s, and will be closed", e.ID, e.SupersededBy))
	}
	return words, remarks
}

// unresolved names the rows of which nobody knows what they open.
func (p *Policy) unresolved(u Use) (remarks []string) {
	for i := range p.Entries {
		e := &p.Entries[i]
		for _, d := range e.Destinations {
			if d.Domain != "" && len(u.Names.Addresses(u.Now, d.Domain)) == 0 {
				known, _ := u.Names.Explain(u.Now, d.Domain, netip.Addr{})
				remarks = append(remarks, fmt.Sprintf("row %s is by name, and opens nothing at %s now: %s", e.ID, d.Domain, known))
			}
		}
	}
	const most = 5
	if n := len(remarks); n > most {
		remarks = append(remarks[:most], fmt.Sprintf("and %d more rows by name", n-most))
	}
	return remarks
}
