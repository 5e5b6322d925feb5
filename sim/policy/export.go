package policy

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/proxyspec/proxyspec/text/nearest"
)

// Format is a form in which a policy can be written.
type Format string

// The formats. The first three are rules for real firewalls, on a router or on the client's own computer; the others
// are policies again.
const (
	NFTables  Format = "nft"       // a script for nft -f
	IPTables  Format = "iptables"  // for iptables-restore: the IPv4 rows
	IP6Tables Format = "ip6tables" // for ip6tables-restore: the IPv6 rows
	CSV       Format = "csv"
	JSON      Format = "json"
	YAML      Format = "yaml"
)

// Formats are all of them.
func Formats() []Format { return []Format{NFTables, IPTables, IP6Tables, CSV, JSON, YAML} }

// Export writes a policy. The text is the same for the same policy and use, and ends with a line break. Rules drop
// what no row opens and let answers pass; comments name the rows, and say what becomes of rows by domain name. The
// formats of policies don't depend on the use.
func (p *Policy) Export(f Format, u Use) (string, error) {
	for _, prefix := range u.Sources {
		if prefix != prefix.Masked() || !prefix.IsValid() {
			return "", fmt.Errorf("export: source %v: write %v", prefix, prefix.Masked())
		}
	}
	switch f {
	case NFTables:
		return p.nft(u), nil
	case IPTables:
		return p.iptables(u, false), nil
	case IP6Tables:
		return p.iptables(u, true), nil
	case CSV:
		return p.csv(), nil
	case JSON:
		return p.json()
	case YAML:
		return p.yaml(), nil
	}
	known := make([]string, len(Formats()))
	for i, f := range Formats() {
		known[i] = string(f)
	}
	return "", fmt.Errorf("there is no format %q: there are %s%s", f, strings.Join(known, ", "), nearest.Hint(string(f), known))
}

// head is what both kinds of rules say of the list at their top.
func (p *Policy) head() string {
	var b strings.Builder
	fmt.Fprintf(&b, "# The policy %q", p.ID)
	if p.Vendor != "" {
		fmt.Fprintf(&b, " of %s", comment(p.Vendor))
	}
	if p.Stage != "" {
		fmt.Fprintf(&b, ", for %s", p.Stage)
	}
	if p.Region != "" {
		fmt.Fprintf(&b, ", region %s", comment(p.Region))
	}
	b.WriteString(".\n")
	if p.Source != "" {
		fmt.Fprintf(&b, "# Source: %s\n", comment(p.Source))
	}
	if !p.AsOf.IsZero() {
		fmt.Fprintf(&b, "# As of: %s\n", day(p))
	}
	b.WriteString("# Made by \"proxyspec firewall export\": make it again rather than edit it.\n#\n")
	return b.String()
}

// label names a row in a rule's comment, "T1: messages and media", in at most 100 bytes: nft takes 128. Neither
// program knows a way to write a quotation mark there.
func (e *Entry) label() string {
	text := e.ID
	if purpose := e.PurposeText(); purpose != "" {
		text += ": " + purpose
	}
	text = strings.NewReplacer(`"`, "'", `\`, "/").Replace(comment(text))
	for len(text) > 100 {
		runes := []rune(text)
		text = string(runes[:len(runes)-1])
	}
	return text
}

// title is a row's line above its rules.
func (e *Entry) title() string {
	text := fmt.Sprintf("# %s (%s)", comment(e.ID+": "+e.PurposeText()), e.Level)
	if e.SupersededBy != "" {
		text += ", superseded by " + comment(e.SupersededBy)
	}
	return text
}

// comment is text that can't end a comment.
func comment(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == '\u0085' || r == '\u2028' || r == '\u2029' {
			return ' '
		}
		return r
	}, text)
}

// ofFamily is the prefixes of one family.
func ofFamily(prefixes []netip.Prefix, six bool) []netip.Prefix {
	return slices.DeleteFunc(slices.Clone(prefixes), func(p netip.Prefix) bool { return p.Addr().Is6() != six })
}

// blocks is the entry's blocks of addresses of one family.
func (e *Entry) blocks(six bool) (out []Destination) {
	for _, d := range e.Destinations {
		if d.Domain == "" && d.First.Is6() == six {
			out = append(out, d)
		}
	}
	return out
}

// domains is the entry's destinations by name.
func (e *Entry) domains() (out []string) {
	for _, d := range e.Destinations {
		if d.Domain != "" {
			out = append(out, d.Domain)
		}
	}
	return out
}
