package nat

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/sim/firewall"
)

// TestPassEnds has all after which a packet must not go as the last one did.
func TestPassEnds(t *testing.T) {
	for what, change := range map[string]func(n *NAT) (at time.Time){
		"a flush":   func(n *NAT) time.Time { n.Flush(); return start },
		"a timeout": func(*NAT) time.Time { return start.Add(5 * time.Minute) },
	} {
		n := table(t, Config{})
		p := udp(alice, x1)
		q, _ := n.Outbound(start, p)
		out, ok := n.OutboundPass(p)
		require.True(t, ok)
		back := udp(x1, q.Src)
		_, outcome := n.Inbound(start, back)
		require.Equal(t, Translated, outcome)
		in, ok := n.InboundPass(back)
		require.True(t, ok)
		require.True(t, out.Open(start) && in.Open(start))
		at := change(n)
		require.False(t, out.Open(at) || in.Open(at), what)
	}
}

// TestNoPass has packets on which more is decided than when they came.
func TestNoPass(t *testing.T) {
	n := table(t, Config{})
	syn := Packet{Proto: firewall.TCP, Src: alice, Dst: x1, Flags: firewall.SYN}
	_, outcome := n.Outbound(start, syn)
	require.Equal(t, Translated, outcome)
	_, ok := n.OutboundPass(syn)
	require.False(t, ok, "the flags of a segment matter")
	_, ok = n.OutboundPass(udp(bob, x1))
	require.False(t, ok, "it has no mapping")
}
