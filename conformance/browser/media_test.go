package browser_test

import (
	"net/netip"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/conformance/contract"
	"github.com/proxyspec/proxyspec/fakes/sdrtn"
	"github.com/proxyspec/proxyspec/relay"
)

// TestMediaEvidenceAgrees holds four witnesses of proxied media against each other, both ways: SD-RTN, which counts RTP;
// the page, which sends and decodes; the candidate pairs that its statistics call selected; and the relay's books.
func TestMediaEvidenceAgrees(t *testing.T) {
	l := newLab(t)
	b := start(t, l)
	alice, bob := open(t, l, b, l.site(reference)), session(t, l, l.user(), "vp8")
	require.NoError(t, bob.call(contract.MethodJoin, contract.Join{Client: bob.client, Channel: "town-hall", UID: "bob"}, nil))
	require.NoError(t, bob.call(contract.MethodPublish, contract.Publish{Client: bob.client, Audio: true, Video: true}, nil))
	require.NoError(t, alice.do(contract.MethodStartProxyServer))
	require.NoError(t, alice.call(contract.MethodJoin, contract.Join{Client: alice.client, Channel: "town-hall", UID: "alice"}, nil))
	require.NoError(t, alice.call(contract.MethodPublish, contract.Publish{Client: alice.client, Audio: true, Video: true}, nil))
	require.NoError(t, alice.call(contract.MethodSubscribe, contract.Subscribe{Client: alice.client, UID: "bob", Audio: true, Video: true}, nil))
	var stats contract.Stats
	measure := func() {
		require.NoError(t, alice.call(contract.MethodStats, contract.ClientCall{Client: alice.client}, &stats))
	}
	require.Eventually(t, func() bool {
		measure()
		return stats.Sent.Video.Frames > 30 && stats.Received["bob"].Video.Frames > 30
	}, 20*time.Second, 200*time.Millisecond, "frames are sent, and decoded")
	require.NoError(t, alice.do(contract.MethodLeave))
	measure()

	up := l.witnesses(t, alice.lines(), func(e relay.Event) relay.Traffic { return e.Books.Up.Out }, sdrtn.EventMediaIn)
	down := l.witnesses(t, alice.lines(), func(e relay.Event) relay.Traffic { return e.Books.Down.Out }, sdrtn.EventMediaOut)
	up.agree(t, stats.Sent)
	down.agree(t, stats.Received["bob"])
}

// witnesses is what others than the page saw of its media, one way.
type witnesses struct {
	relayed int                    // packets through allocations
	sdrtn   map[string]sdrtn.Event // totals by kind
}

var selected = regexp.MustCompile(`selected candidate pair: relay over (?:udp|tcp) (\S+) to (\S+)$`)

func (l *lab) witnesses(t *testing.T, lines []string, way func(relay.Event) relay.Traffic, totals string) witnesses {
	w := witnesses{sdrtn: map[string]sdrtn.Event{}}
	l.total("audio") // by then the publication has ended
	seen, told := l.events()
	pairs := map[netip.AddrPort]netip.AddrPort{} // a connection may choose a second relay after its first
	connections := map[netip.AddrPort]bool{}     // by SD-RTN's end
	for _, line := range lines {
		if m := selected.FindStringSubmatch(line); m != nil {
			near, far := netip.MustParseAddrPort(m[1]), netip.MustParseAddrPort(m[2])
			pairs[near], connections[far] = far, true
		}
	}
	require.Len(t, connections, 2, "one for each direction")
	peers := map[netip.AddrPort]netip.AddrPort{} // by relayed address
	for _, e := range told {
		switch e.Name {
		case relay.EventMediaUp:
			peers[e.Relayed] = e.Peer
		case relay.EventAllocationDeleted:
			require.True(t, e.Books.Up.Balanced() && e.Books.Down.Balanced(), "%+v", e)
			w.relayed += way(e).Count
		}
	}
	for near, far := range pairs {
		require.Equal(t, far, peers[near], "the relay's peer at %v", near)
	}
	for _, e := range seen {
		if e.Name == sdrtn.EventMediaFirst && e.User == "alice" {
			require.Contains(t, peers, e.Source, "it came by an allocation")
		}
		if e.Name == totals && e.User == "alice" {
			w.sdrtn[e.Kind] = e
		}
	}
	return w
}

// agree holds them against what the page counted. What was on its way when it was last asked it didn't count; beside RTP
// the relay carries STUN, DTLS and RTCP.
func (w witnesses) agree(t *testing.T, page contract.MediaStats) {
	rtp := 0
	for kind, counted := range map[string]contract.TrackStats{"audio": page.Audio, "video": page.Video} {
		total := w.sdrtn[kind].Packets
		require.InDelta(t, counted.Packets, total, 10, kind)
		require.Positive(t, total, kind)
		rtp += total
	}
	require.GreaterOrEqual(t, w.relayed, rtp)
	require.Less(t, w.relayed, 2*rtp)
}
