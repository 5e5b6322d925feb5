package firewall_test

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/proxyspec/proxyspec/sim/firewall"
)

// large has one rule for each of n hosts.
func large(n int) firewall.Policy {
	p := firewall.Policy{ID: "large"}
	for i := range n {
		p.Rules = append(p.Rules, firewall.Rule{
			ID:           fmt.Sprint("R", i),
			Proto:        tcp,
			Destinations: []netip.Prefix{netip.PrefixFrom(host(i), 32)},
			Ports:        []firewall.PortRange{firewall.Port(443)},
			Action:       firewall.Allow,
		})
	}
	return p
}

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

// BenchmarkDecideByRules is the cost of a packet that a large policy drops.
func BenchmarkDecideByRules(b *testing.B) {
	for _, n := range []int{10, 10_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			f := newFirewall(b, large(n), firewall.Timeouts{})
			p := firewall.Packet{Proto: tcp, Src: alice, Dst: netip.AddrPortFrom(host(n-1), 80), Flags: syn}
			b.ReportAllocs()
			for b.Loop() {
				f.Decide(epoch, p)
			}
		})
	}
}
