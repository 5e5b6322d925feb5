package policy

import (
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"strings"

	"github.com/proxyspec/proxyspec/sim/policy/internal/region"
)

// Destination is a block of addresses, or a domain name.
type Destination struct {
	First, Last netip.Addr // of one family; one address has both alike
	Domain      string     // in lower case without a dot at the end; "*.example.com" is every name below that one
	At          Pos
}

// String is the destination as it stands in a policy file.
func (d Destination) String() string {
	if d.Domain != "" {
		return d.Domain
	}
	return region.Addresses(d.First, d.Last)
}

// prefixes is the destination's addresses as networks; a domain has none.
func (d Destination) prefixes() []netip.Prefix {
	if d.Domain != "" {
		return nil
	}
	return region.Prefixes(d.First, d.Last)
}

// contains tells whether an address belongs to a block.
func (d Destination) contains(a netip.Addr) bool {
	return d.Domain == "" && d.First.Compare(a) <= 0 && a.Compare(d.Last) <= 0
}

// dashForms are what people and web pages write between the ends of a range where we write "-".
const dashForms = "–—―‐‑‒−"

func plainDash(r rune) rune {
	if strings.ContainsRune(dashForms, r) {
		return '-'
	}
	return r
}

// domainForm is a name of two labels or more (RFC 1123, section 2.1, and the underscore that some use), whose
// last one isn't a number, so that a mistyped address is no name.
var domainForm = regexp.MustCompile(`^(\*\.)?([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?$`)

// errReversed is a range whose end comes before its beginning.
var errReversed = errors.New("reversed")

// ParseDestination reads an address, a network ("203.0.113.0/24"), a range of addresses ("203.0.113.8 -
// 203.0.113.15") or a domain name.
func ParseDestination(text string) (Destination, error) {
	text = strings.TrimSpace(text)
	lower := strings.TrimSuffix(strings.ToLower(text), ".")
	switch {
	case text == "":
		return Destination{}, errors.New("no destination: write an address, a network, a range or a domain name")
	case domainForm.MatchString(lower) && len(lower) <= 253:
		return Destination{Domain: lower}, nil
	case strings.Contains(text, "/"):
		return parseNetwork(text)
	}
	first, last, isRange := strings.Cut(strings.Map(plainDash, text), "-")
	a, err := parseAddr(first)
	if err != nil || !isRange {
		return Destination{First: a, Last: a}, err
	}
	b, err := parseAddr(last)
	switch {
	case err != nil:
		return Destination{}, err
	case a.BitLen() != b.BitLen():
		return Destination{}, fmt.Errorf("%q has an IPv4 and an IPv6 address: both ends must be of one family", text)
	case b.Less(a):
		return Destination{}, fmt.Errorf("the range %v-%v is %w; write %v-%v", a, b, errReversed, b, a)
	}
	return Destination{First: a, Last: b}, nil
}

func parseNetwork(text string) (Destination, error) {
	p, err := netip.ParsePrefix(text)
	switch {
	case err != nil:
		return Destination{}, fmt.Errorf("%q is no network such as 203.0.113.0/24", text)
	case p.Addr().Is4In6():
		return Destination{}, fmt.Errorf("%q is an IPv4 network in IPv6 clothes: write it as IPv4", text)
	case p != p.Masked():
		return Destination{}, fmt.Errorf("%q names one host of a network; write %v, or the address alone", text, p.Masked())
	}
	return Destination{First: p.Addr(), Last: region.LastOf(p)}, nil
}

func parseAddr(text string) (netip.Addr, error) {
	text = strings.TrimSpace(text)
	a, err := netip.ParseAddr(text)
	switch {
	case err != nil:
		return netip.Addr{}, fmt.Errorf("%q is no address, network, range or domain name; write 192.0.2.1, 192.0.2.0/24, 192.0.2.1-192.0.2.9 or relay.example.com", text)
	case a.Is4In6():
		return netip.Addr{}, fmt.Errorf("%q is an IPv4 address in IPv6 clothes: write %v", text, a.Unmap())
	case a.Zone() != "":
		return netip.Addr{}, fmt.Errorf("%q has a zone, which means something on one machine only: leave it out", text)
	}
	return a, nil
}
