package policy_test

import (
	"fmt"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/sim/firewall"
	"github.com/proxyspec/proxyspec/sim/policy"
)

var epoch = time.Date(2026, 1, 1, 9, 0, 0, 0, time.UTC)

// names are the addresses of the production example.
var names = policy.NamesOf(policy.Zone{
	"edge-1.cloud-proxy.example":  {netip.MustParseAddr("192.0.2.17")},
	"edge-2.cloud-proxy.example.": {netip.MustParseAddr("198.51.100.229")},
	"a.relay.cloud-proxy.example": {netip.MustParseAddr("192.0.2.138"), netip.MustParseAddr("2001:db8::138")},
	"b.relay.cloud-proxy.example": {netip.MustParseAddr("203.0.113.25")},
})

func addrs(text ...string) (out []netip.Addr) {
	for _, t := range text {
		out = append(out, netip.MustParseAddr(t))
	}
	return out
}

func TestNamesFollowAnswers(t *testing.T) {
	var n policy.Names
	at := func(seconds int) time.Time { return epoch.Add(time.Duration(seconds) * time.Second) }
	require.Empty(t, n.Addresses(at(0), "relay.example"))
	require.True(t, n.Change(at(0)).IsZero())

	n.Learn(at(0), "Relay.Example.", addrs("192.0.2.1"), time.Minute)
	n.Learn(at(30), "relay.example", addrs("192.0.2.2"), time.Minute)
	require.Equal(t, addrs("192.0.2.1", "192.0.2.2"), n.Addresses(at(59), "relay.example"), "an earlier answer still counts")
	require.Equal(t, at(60), n.Change(at(59)))
	require.Equal(t, addrs("192.0.2.2"), n.Addresses(at(60), "relay.example"))
	require.Equal(t, addrs("192.0.2.2"), n.Addresses(at(60), "*.example"))
	require.Empty(t, n.Addresses(at(60), "*.relay.example"), "the name itself isn't below itself")
	require.Empty(t, n.Addresses(at(90), "relay.example"))

	n.Learn(at(100), "relay.example", addrs("192.0.2.2"), time.Minute)
	n.Learn(at(110), "relay.example", addrs("192.0.2.2"), time.Second)
	require.Equal(t, addrs("192.0.2.2"), n.Addresses(at(159), "relay.example"), "a short answer doesn't shorten a long one")

	words, stale := n.Explain(at(100), "relay.example", addrs("192.0.2.1")[0])
	require.True(t, stale)
	require.Equal(t, "relay.example was 192.0.2.1 until 40s ago, when the answer's time to live was over; clients must look the name up again", words)
	words, stale = n.Explain(at(120), "relay.example", addrs("192.0.2.9")[0])
	require.False(t, stale)
	require.Equal(t, "relay.example is 192.0.2.2", words)
	words, _ = n.Explain(at(120), "edge.example", addrs("192.0.2.9")[0])
	require.Equal(t, "no answer for edge.example was seen", words)
}

// TestNamesForget learns more names than anybody needs, and finds the memory of those that ended long ago gone.
func TestNamesForget(t *testing.T) {
	var n policy.Names
	for i := range 5000 {
		n.Learn(epoch.Add(time.Duration(i)*time.Hour), fmt.Sprintf("host-%d.example", i), addrs("192.0.2.1"), time.Minute)
	}
	end := epoch.Add(5000 * time.Hour)
	words, _ := n.Explain(end, "host-0.example", addrs("192.0.2.1")[0])
	require.Equal(t, "no answer for host-0.example was seen", words)
	_, stale := n.Explain(end, "host-4999.example", addrs("192.0.2.1")[0])
	require.True(t, stale)
}

func TestNamesHear(t *testing.T) {
	reply := func(records ...string) []byte {
		m := new(dns.Msg).SetQuestion("relay.example.", dns.TypeA)
		m.Response = true
		for _, text := range records {
			r, err := dns.NewRR(text)
			require.NoError(t, err)
			m.Answer = append(m.Answer, r)
		}
		packed, err := m.Pack()
		require.NoError(t, err)
		return packed
	}
	var n policy.Names
	require.True(t, n.Hear(epoch, reply("relay.example. 300 IN CNAME a.example.", "a.example. 60 IN A 192.0.2.1", "a.example. 60 IN A 192.0.2.2", "b.example. 60 IN A 192.0.2.3")))
	require.Equal(t, addrs("192.0.2.1", "192.0.2.2"), n.Addresses(epoch, "relay.example"), "what wasn't asked for teaches nothing")
	require.Empty(t, n.Addresses(epoch, "a.example"))
	require.Equal(t, epoch.Add(time.Minute), n.Change(epoch), "the shortest time to live on the way counts")
	require.False(t, n.Hear(epoch, reply("relay.example. 60 IN A 192.0.2.1")), "nothing new")
	require.True(t, n.Hear(epoch, reply("relay.example. 60 IN AAAA 2001:db8::1")))
	require.False(t, n.Hear(epoch, reply("relay.example. 60 IN CNAME relay.example.")), "a circle ends")
	require.False(t, n.Hear(epoch, []byte("nonsense")))

	question, err := new(dns.Msg).SetQuestion("other.example.", dns.TypeA).Pack()
	require.NoError(t, err)
	require.False(t, n.Hear(epoch, question))
	refused := new(dns.Msg).SetQuestion("other.example.", dns.TypeA)
	refused.Response, refused.Rcode = true, dns.RcodeRefused
	refused.Answer = []dns.RR{&dns.A{Hdr: dns.RR_Header{Name: "other.example.", Rrtype: dns.TypeA, Class: dns.ClassINET}, A: net.IPv4(192, 0, 2, 7)}}
	packed, err := refused.Pack()
	require.NoError(t, err)
	require.False(t, n.Hear(epoch, packed))
}

// TestRulesFollowNames recompiles the policy when an answer is heard and when it is out of date, as whoever runs a
// firewall does.
func TestRulesFollowNames(t *testing.T) {
	p := parse(t, "p.yaml", "id: p\nentries:\n  - {id: edge, protocols: TCP, destinations: [edge.example, 192.0.2.200], ports: 443, purpose: edge}\n"+
		"  - {id: media, protocols: UDP, destinations: \"*.relay.example\", ports: 3478, purpose: media}")
	var n policy.Names
	use := policy.Use{Names: &n, Now: epoch}
	wall, err := firewall.New(p.Compile(use), firewall.Timeouts{})
	require.NoError(t, err)
	try := func(proto firewall.Proto, dst string) string {
		return wall.Decide(use.Now, firewall.Packet{
			Proto: proto, Src: netip.MustParseAddrPort("10.0.0.2:5000"), Dst: netip.MustParseAddrPort(dst), Flags: firewall.SYN,
		}).Rule
	}
	require.Len(t, p.Compile(use).Rules, 1, "a rule without destinations would open everything")
	require.Equal(t, "edge", try(firewall.TCP, "192.0.2.200:443"), "addresses need no name service")
	require.Equal(t, "default", try(firewall.TCP, "192.0.2.17:443"))

	n.Learn(epoch, "edge.example", addrs("192.0.2.17"), 30*time.Second)
	n.Learn(epoch, "a.relay.example", addrs("192.0.2.138"), time.Minute)
	require.NoError(t, wall.SetPolicy(p.Compile(use)))
	require.Equal(t, "edge", try(firewall.TCP, "192.0.2.17:443"))
	require.Equal(t, "media", try(firewall.UDP, "192.0.2.138:3478"))

	use.Now = n.Change(use.Now)
	require.NoError(t, wall.SetPolicy(p.Compile(use)))
	wall.Flush()
	require.Equal(t, "default", try(firewall.TCP, "192.0.2.17:443"))
	require.Equal(t, "media", try(firewall.UDP, "192.0.2.138:3478"))
	why, err := p.Explain(policy.Question{Proto: firewall.TCP, Src: addrs("10.0.0.2")[0], Dst: netip.MustParseAddrPort("192.0.2.17:443")}, use)
	require.NoError(t, err)
	require.Equal(t, "row edge opens TCP 443 at edge.example, and edge.example was 192.0.2.17 until 0s ago, "+
		"when the answer's time to live was over; clients must look the name up again", why.Nearest.Words)
}

func TestParseZone(t *testing.T) {
	zone, err := policy.ParseZone("zone.txt", `
$ORIGIN example.
edge   60 IN A     192.0.2.17
edge   60 IN A     192.0.2.18
relay  60 IN CNAME a
a         IN AAAA  2001:db8::1
loop      IN CNAME loop
lost      IN CNAME elsewhere
txt       IN TXT   "hello"
`)
	require.NoError(t, err)
	require.Equal(t, policy.Zone{
		"edge.example": addrs("192.0.2.17", "192.0.2.18"), "relay.example": addrs("2001:db8::1"), "a.example": addrs("2001:db8::1"),
	}, zone)
	_, err = policy.ParseZone("zone.txt", "edge.example. IN A nowhere\n")
	require.ErrorContains(t, err, "zone.txt: dns: bad A A: \"nowhere\" at line: 1:")
}
