package firewall_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/sim/firewall"
)

// linear is the dumb second opinion: it tries the rules one by one and knows nothing of flows.
func linear(p firewall.Policy, q firewall.Packet) firewall.Verdict {
	v := firewall.Verdict{Action: p.Default, Rule: "default"}
	for _, r := range p.Rules {
		within := func(prefixes []netip.Prefix, a netip.Addr) bool {
			for _, x := range prefixes {
				if x.Contains(a) {
					return true
				}
			}
			return len(prefixes) == 0
		}
		port := len(r.Ports) == 0
		for _, x := range r.Ports {
			if x.First <= q.Dst.Port() && q.Dst.Port() <= x.Last {
				port = true
			}
		}
		if port && (r.Proto == 0 || r.Proto == q.Proto) && within(r.Sources, q.Src.Addr()) && within(r.Destinations, q.Dst.Addr()) {
			v = firewall.Verdict{Action: r.Action, Rule: r.ID}
			break
		}
	}
	if v.Action == firewall.Allow {
		v.Opened = v.Rule
	}
	return v
}

// world draws policies and packets from a space so small that they often meet.
type world struct{ *rand.Rand }

func (w world) addr() netip.Addr {
	if w.IntN(8) == 0 {
		return netip.AddrFrom16([16]byte{0x20, 0x01, 15: byte(w.IntN(8))})
	}
	return netip.AddrFrom4([4]byte{10, 0, byte(w.IntN(2)), byte(w.IntN(8))})
}

func (w world) prefixes() (out []netip.Prefix) {
	for range w.IntN(4) {
		a := w.addr()
		bits := []int{a.BitLen(), a.BitLen() - 1, a.BitLen() - 3, 24, 8, 0}[w.IntN(6)]
		p, _ := a.Prefix(bits)
		out = append(out, p)
	}
	return out
}

func (w world) proto() firewall.Proto {
	return []firewall.Proto{tcp, tcp, udp, udp, firewall.ICMP, 0, 47}[w.IntN(7)]
}

func (w world) policy(rules int) firewall.Policy {
	p := firewall.Policy{ID: "random", Default: firewall.Action(w.IntN(3))}
	for i := range rules {
		r := firewall.Rule{
			ID:           fmt.Sprint("R", i),
			Proto:        w.proto(),
			Sources:      w.prefixes(),
			Destinations: w.prefixes(),
			Action:       firewall.Action(w.IntN(3)),
		}
		for range w.IntN(3) {
			if r.Proto == tcp || r.Proto == udp {
				first := uint16(w.IntN(10))
				r.Ports = append(r.Ports, firewall.PortRange{First: first, Last: first + uint16(w.IntN(4))})
			}
		}
		p.Rules = append(p.Rules, r)
	}
	return p
}

func (w world) packet() firewall.Packet {
	for {
		p := firewall.Packet{
			Proto: w.proto(),
			Src:   netip.AddrPortFrom(w.addr(), uint16(w.IntN(3))),
			Dst:   netip.AddrPortFrom(w.addr(), uint16(w.IntN(14))),
			Flags: syn,
		}
		if p.Src.Addr().BitLen() == p.Dst.Addr().BitLen() {
			return p
		}
	}
}

func TestIndexAgreesWithLinearSearch(t *testing.T) {
	verdicts := map[firewall.Action]int{}
	for seed := range uint64(300) {
		w := world{rand.New(rand.NewPCG(seed, 0))}
		p := w.policy(w.IntN(40))
		f := newFirewall(t, p, firewall.Timeouts{})
		for range 200 {
			q := w.packet()
			f.Flush()
			want := linear(p, q)
			got := f.Decide(epoch, q)
			require.Equal(t, want, got, "seed %d: %+v", seed, q)
			verdicts[got.Action]++
		}
	}
	for _, a := range []firewall.Action{firewall.Drop, firewall.Allow, firewall.Reject} {
		require.Greater(t, verdicts[a], 5000, "the random policies %v too seldom for the test to mean much", a)
	}
}

// FuzzDecide looks for sequences of packets of one pair of hosts that break what must always hold.
func FuzzDecide(f *testing.F) {
	f.Add(uint64(1), []byte{0, 1, 2, 3})
	f.Add(uint64(2), []byte{0x02, 0x92, 0x10, 0x14, 0x82, 0x02})
	f.Fuzz(func(t *testing.T, seed uint64, script []byte) {
		w := world{rand.New(rand.NewPCG(seed, 0))}
		p := w.policy(5)
		fw := newFirewall(t, p, firewall.Timeouts{})
		q := w.packet()
		opened := false
		for _, b := range script { // the high bit is the direction, the others are the flags
			r := q
			r.Flags = firewall.TCPFlags(b & 0x7f)
			if b&0x80 != 0 {
				r.Direction, r.Src, r.Dst = in, q.Dst, q.Src
			}
			v := fw.Decide(epoch, r)
			switch {
			case r.Direction == in:
				require.Equal(t, opened && v.Rule != "unsolicited", v.Action == firewall.Allow, "an answer needs a question")
				require.NotEqual(t, firewall.Reject, v.Action)
			case v.Action == firewall.Allow && v.Rule != "established":
				require.Equal(t, linear(p, r).Rule, v.Rule)
				opened = true
			case v.Rule == "established":
				require.True(t, opened)
			}
			require.Equal(t, v.Action == firewall.Allow, v.Opened != "")
			require.LessOrEqual(t, fw.Flows(), 1)
		}
	})
}
