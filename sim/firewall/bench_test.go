package firewall_test

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/proxyspec/proxyspec/sim/firewall"
)

func host(i int) netip.Addr {
	return netip.AddrFrom4([4]byte{100, byte(i >> 16), byte(i >> 8), byte(i)})
}

// BenchmarkDecideEstablished is the cost of every packet but the first.
func BenchmarkDecideEstablished(b *testing.B) {
	f := newFirewall(b, firewall.Whitelist(office), firewall.Timeouts{})
	question, answer := packet{0, udp, out, 0, media, ""}.packet(), packet{0, udp, in, 0, media, ""}.packet()
	f.Decide(epoch, question)
	b.ReportAllocs()
	for b.Loop() {
		f.Decide(epoch, answer)
	}
}

// BenchmarkRules prints by how much a packet costs more with 10,000 rules than with 10: rules for different
// hosts, ports and sources, and a packet that the last one lets through.
func BenchmarkRules(b *testing.B) {
	for name, rule := range map[string]func(i int, r *firewall.Rule){
		"hosts": func(i int, r *firewall.Rule) { r.Destinations = []netip.Prefix{netip.PrefixFrom(host(i), 32)} },
		"ports": func(i int, r *firewall.Rule) { r.Ports = []firewall.PortRange{firewall.Port(uint16(i + 1))} },
		"sources": func(i int, r *firewall.Rule) {
			r.Sources = []netip.Prefix{netip.PrefixFrom(host(i), 32)}
			r.Ports = []firewall.PortRange{{First: 1, Last: 50_000}}
		},
	} {
		b.Run(name, func(b *testing.B) {
			cost := func(n int) time.Duration {
				p := firewall.Policy{ID: name}
				for i := range n {
					r := firewall.Rule{ID: fmt.Sprint("R", i), Proto: tcp, Action: firewall.Allow}
					rule(i, &r)
					p.Rules = append(p.Rules, r)
				}
				f := newFirewall(b, p, firewall.Timeouts{})
				q := firewall.Packet{Proto: tcp, Src: netip.AddrPortFrom(host(n-1), 1), Dst: netip.AddrPortFrom(host(n-1), uint16(n)), Flags: syn}
				if v := f.Decide(epoch, q); v.Rule != fmt.Sprint("R", n-1) {
					b.Fatal(v)
				}
				start := time.Now()
				for range 200_000 {
					f.Decide(epoch, q) // not answered: the rules decide each time
				}
				return time.Since(start)
			}
			var ratios []float64
			for range b.N {
				for range 5 {
					ratios = append(ratios, float64(cost(10_000))/float64(cost(10)))
				}
			}
			slices.Sort(ratios)
			b.ReportMetric(ratios[len(ratios)/2], "x-10-rules")
			b.ReportMetric(0, "ns/op")
		})
	}
}
