package firewall_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/sim/firewall"
)

// passOf has a firewall let alice's packet to a relay out, and is the pass of its flow.
func passOf(t *testing.T, f *firewall.Firewall) firewall.Pass {
	p := packet{proto: udp, dir: out, far: media}.packet()
	require.Equal(t, firewall.Allow, f.Decide(epoch, p).Action)
	pass, ok := f.Pass(p)
	require.True(t, ok)
	require.True(t, pass.Open(epoch))
	return pass
}

// TestPassEnds has all that may change the verdict on the next packet: a pass that stayed open would lead past it.
func TestPassEnds(t *testing.T) {
	for what, change := range map[string]func(*firewall.Firewall){
		"another policy": func(f *firewall.Firewall) { require.NoError(t, f.SetPolicy(firewall.Policy{ID: "closed"})) },
		"a flush":        func(f *firewall.Firewall) { f.Flush() },
		"an answer":      func(f *firewall.Firewall) { f.Decide(epoch, packet{proto: udp, dir: in, far: media}.packet()) },
	} {
		f := newFirewall(t, firewall.Whitelist(office), firewall.Timeouts{})
		pass := passOf(t, f)
		change(f)
		require.False(t, pass.Open(epoch), what)
	}
	f := newFirewall(t, firewall.Whitelist(office), firewall.Timeouts{})
	pass := passOf(t, f)
	require.False(t, pass.Open(epoch.Add(time.Hour)), "the flow was idle too long")
}

// TestNoPass has packets on which more is decided than when they came.
func TestNoPass(t *testing.T) {
	f := newFirewall(t, firewall.Whitelist(office), firewall.Timeouts{})
	p := packet{proto: tcp, dir: out, flags: syn, far: relay}.packet()
	require.Equal(t, firewall.Allow, f.Decide(epoch, p).Action)
	_, ok := f.Pass(p)
	require.False(t, ok, "the flags of a segment matter")
	_, ok = f.Pass(packet{proto: udp, dir: out, far: gateway}.packet())
	require.False(t, ok, "nobody has sent anything there")
}

func TestFlagsHaveNames(t *testing.T) {
	require.Equal(t, "SYN ACK", synAck.String())
	require.Equal(t, "FIN PSH ACK", (fin | 1<<3).String())
	require.Empty(t, firewall.TCPFlags(0).String())
}
