package policy

import (
	"net/netip"
	"strings"
)

// testAddresses are the document's, with the row in which each stands first.
var testAddresses = func() map[netip.Addr]string {
	p, err := Embedded(CloudProxyTest)
	if err != nil {
		panic(err) // the file is ours
	}
	rows := make(map[netip.Addr]string)
	for _, e := range p.Entries {
		for _, d := range e.Destinations {
			if _, ok := rows[d.First]; !ok {
				rows[d.First] = e.ID
			}
		}
	}
	return rows
}()

// testRow finds a test address in a destination, the lowest if it has several.
func testRow(d Destination) (row string, ok bool) {
	var lowest netip.Addr
	for a, id := range testAddresses {
		if d.contains(a) && (!ok || a.Less(lowest)) {
			lowest, row, ok = a, id, true
		}
	}
	return row, ok
}

// special are blocks that no vendor's server has (RFC 6890 and the registries that it set up).
var special = []struct {
	prefix netip.Prefix
	why    string
}{
	{netip.MustParsePrefix("192.0.2.0/24"), "for documentation (RFC 5737)"},
	{netip.MustParsePrefix("198.51.100.0/24"), "for documentation (RFC 5737)"},
	{netip.MustParsePrefix("203.0.113.0/24"), "for documentation (RFC 5737)"},
	{netip.MustParsePrefix("2001:db8::/32"), "for documentation (RFC 3849)"},
	{netip.MustParsePrefix("198.18.0.0/15"), "for benchmarks (RFC 2544)"},
	{netip.MustParsePrefix("0.0.0.0/8"), "no destination (RFC 791)"},
	{netip.MustParsePrefix("10.0.0.0/8"), "private (RFC 1918)"},
	{netip.MustParsePrefix("172.16.0.0/12"), "private (RFC 1918)"},
	{netip.MustParsePrefix("192.168.0.0/16"), "private (RFC 1918)"},
	{netip.MustParsePrefix("100.64.0.0/10"), "a provider's own (RFC 6598)"},
	{netip.MustParsePrefix("127.0.0.0/8"), "this computer itself"},
	{netip.MustParsePrefix("169.254.0.0/16"), "link-local (RFC 3927)"},
	{netip.MustParsePrefix("224.0.0.0/3"), "multicast or reserved (RFC 1112)"},
	{netip.MustParsePrefix("::1/128"), "this computer itself"},
	{netip.MustParsePrefix("fc00::/7"), "private (RFC 4193)"},
	{netip.MustParsePrefix("fe80::/10"), "link-local (RFC 4291)"},
	{netip.MustParsePrefix("ff00::/8"), "multicast (RFC 4291)"},
}

// exampleDomains never exist in the name service (RFC 2606, RFC 6761).
var exampleDomains = []string{".test", ".example", ".invalid", ".localhost", ".example.com", ".example.net", ".example.org"}

// unreachable says why a destination can't be a vendor's server, or nothing.
func unreachable(d Destination) string {
	if d.Domain != "" {
		for _, suffix := range exampleDomains {
			if strings.HasSuffix("."+strings.TrimPrefix(d.Domain, "*."), suffix) {
				return "a name for examples (RFC 2606)"
			}
		}
		return ""
	}
	for _, s := range special {
		if s.prefix.Contains(d.First) && s.prefix.Contains(d.Last) {
			return s.why
		}
	}
	return ""
}
