package region_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/sim/firewall"
	"github.com/proxyspec/proxyspec/sim/policy/internal/region"
)

func TestAddresses(t *testing.T) {
	for _, tc := range []struct{ first, last, want, prefixes string }{
		{"192.0.2.1", "192.0.2.1", "192.0.2.1", "[192.0.2.1/32]"},
		{"192.0.2.0", "192.0.2.255", "192.0.2.0/24", "[192.0.2.0/24]"},
		{"192.0.2.1", "192.0.2.4", "192.0.2.1-192.0.2.4", "[192.0.2.1/32 192.0.2.2/31 192.0.2.4/32]"},
		{"0.0.0.0", "255.255.255.255", "0.0.0.0/0", "[0.0.0.0/0]"},
		{"255.255.255.254", "255.255.255.255", "255.255.255.254/31", "[255.255.255.254/31]"},
		{"::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "::/0", "[::/0]"},
		{"2001:db8::1", "2001:db8::2", "2001:db8::1-2001:db8::2", "[2001:db8::1/128 2001:db8::2/128]"},
	} {
		first, last := netip.MustParseAddr(tc.first), netip.MustParseAddr(tc.last)
		require.Equal(t, tc.want, region.Addresses(first, last))
		require.Equal(t, tc.prefixes, fmt.Sprint(region.Prefixes(first, last)))
	}
}

func TestCount(t *testing.T) {
	all := region.Stripe{First: netip.MustParseAddr("0.0.0.0"), Last: netip.MustParseAddr("255.255.255.255"), Ports: region.AllPorts()}
	require.Equal(t, uint64(65535)<<32, region.NewReach([]region.Stripe{all}).Count())
	all.First, all.Last = netip.MustParseAddr("::"), netip.MustParseAddr("0:0:0:1::ffff")
	require.Equal(t, uint64(math.MaxUint64), region.NewReach([]region.Stripe{all}).Count())
}

// addresses are those at the edges of both families, where arithmetic breaks if it does.
var addresses = func() (all []netip.Addr) {
	for _, first := range []string{"0.0.0.0", "255.255.255.252", "::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffc"} {
		a := netip.MustParseAddr(first)
		for range 4 {
			all = append(all, a)
			a = a.Next()
		}
	}
	return all
}()

type set map[string]bool

// random draws a few stripes, and the set of pairs that they open, computed by the dumb way.
func random(r *rand.Rand) ([]region.Stripe, set) {
	var stripes []region.Stripe
	open := set{}
	for range r.IntN(6) {
		i := r.IntN(len(addresses))
		j := min(i+r.IntN(4), i/4*4+3) // the same block
		var ranges []firewall.PortRange
		for range r.IntN(3) {
			first := uint16([]int{0, 65530}[r.IntN(2)] + r.IntN(6))
			last := max(first, first+uint16(r.IntN(4))) // 65535 doesn't wrap
			ranges = append(ranges, firewall.PortRange{First: first, Last: last})
		}
		stripes = append(stripes, region.Stripe{First: addresses[i], Last: addresses[j], Ports: region.NewPorts(ranges...)})
		for _, a := range addresses[i : j+1] {
			for _, x := range ranges {
				for port := int(x.First); port <= int(x.Last); port++ {
					open[fmt.Sprint(a, " ", port)] = true
				}
			}
		}
	}
	return stripes, open
}

func pairs(r region.Reach) set {
	open := set{}
	for _, s := range r {
		for a := s.First; a.IsValid() && a.Compare(s.Last) <= 0; a = a.Next() {
			for _, x := range s.Ports {
				for port := int(x.First); port <= int(x.Last); port++ {
					open[fmt.Sprint(a, " ", port)] = true
				}
			}
		}
	}
	return open
}

func TestReachAgreesWithSets(t *testing.T) {
	for seed := range uint64(3000) {
		r := rand.New(rand.NewPCG(seed, 0))
		as, a := random(r)
		bs, b := random(r)
		x, y := region.NewReach(as), region.NewReach(bs)
		require.Equal(t, a, pairs(x), "seed %d: %v", seed, as)
		require.Equal(t, uint64(len(a)), x.Count())
		union, minus, both := set{}, set{}, set{}
		for k := range a {
			union[k] = true
			if b[k] {
				both[k] = true
			} else {
				minus[k] = true
			}
		}
		for k := range b {
			union[k] = true
		}
		require.Equal(t, union, pairs(x.Union(y)), "seed %d: %v | %v", seed, x, y)
		require.Equal(t, minus, pairs(x.Minus(y)), "seed %d: %v - %v", seed, x, y)
		require.Equal(t, both, pairs(x.Intersect(y)), "seed %d: %v & %v", seed, x, y)
		require.Equal(t, region.NewReach(append(as, bs...)), x.Union(y), "seed %d: the form is canonical", seed)
	}
}
