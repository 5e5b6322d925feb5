package firewall

import "net/netip"

// Whitelist is the document's table of test addresses, one rule a row, T1 to T10 in its order: 163
// pairs of address and port, and nothing else. The sources are the hosts on which the SDK runs; none
// means every host. The addresses belong to third parties: only a simulated network may carry packets
// to them.
func Whitelist(sources ...netip.Prefix) Policy {
	messagesAndMedia := []PortRange{Port(443), Port(4000), {3433, 3460}}
	edge := []PortRange{Port(443)}
	media := []PortRange{{3478, 3500}}
	p := Policy{ID: "cloud-proxy-test"}
	for _, row := range []struct {
		id      string
		proto   Proto
		dest    string
		ports   []PortRange
		purpose string
	}{
		{"T1", TCP, "23.236.115.138/32", messagesAndMedia, "messages and media"},
		{"T2", TCP, "148.153.66.218/32", messagesAndMedia, "messages and media"},
		{"T3", TCP, "164.52.87.25/32", messagesAndMedia, "messages and media"},
		{"T4", TCP, "47.74.211.17/32", edge, "edge"},
		{"T5", TCP, "52.80.192.229/32", edge, "edge"},
		{"T6", TCP, "52.52.84.170/32", edge, "edge"},
		{"T7", TCP, "47.96.234.219/32", edge, "edge"},
		{"T8", UDP, "23.236.115.138/32", media, "media"},
		{"T9", UDP, "164.52.87.25/32", media, "media"},
		{"T10", UDP, "148.153.66.218/32", media, "media"},
	} {
		p.Rules = append(p.Rules, Rule{
			ID:           row.id,
			Proto:        row.proto,
			Sources:      sources,
			Destinations: []netip.Prefix{netip.MustParsePrefix(row.dest)},
			Ports:        row.ports,
			Action:       Allow,
			Purpose:      row.purpose,
		})
	}
	return p.clone() // no two rules share a slice
}

// AllowAll is the policy of an open office: everything may leave, and nothing comes in unasked.
func AllowAll() Policy { return Policy{ID: "open-office", Default: Allow} }
