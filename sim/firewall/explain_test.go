package firewall_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/sim/firewall"
)

func TestExplain(t *testing.T) {
	f := newFirewall(t, firewall.Whitelist(office), firewall.Timeouts{})
	explain := func(at time.Duration, p packet) string {
		v, text := f.Explain(epoch.Add(at), p.packet())
		require.Equal(t, v, f.Decide(epoch.Add(at), p.packet()), "Explain says what Decide does")
		return text
	}
	_, text := f.Explain(epoch, packet{0, udp, out, 0, media, ""}.packet())
	require.Equal(t, `UDP 10.0.0.2:50000 > 23.236.115.138:3478, outbound: allow by rule "T8" of policy "cloud-proxy-test"`, text)
	require.Zero(t, f.Flows(), "it changes nothing")

	require.Contains(t, explain(0, packet{0, udp, in, 0, media, ""}), "drop by its direction: it comes from outside and answers no flow")
	require.Contains(t, explain(0, packet{0, udp, out, 0, media, ""}), `allow by rule "T8"`)
	require.Contains(t, explain(time.Second, packet{0, udp, in, 0, media, ""}),
		`allow by its flow; rule "T8" opened the flow, it is not answered yet, was idle for 1s and will be forgotten after 5m0s`)
	require.Contains(t, explain(3*time.Second, packet{0, udp, out, 0, media, ""}), "it is answered, was idle for 2s")
	require.Contains(t, explain(0, packet{0, tcp, out, ack, relay, ""}), "drop by its state: it belongs to no flow and can't open one")
	require.Contains(t, explain(0, packet{0, tcp, out, syn, gateway, ""}), `drop by the default of policy "cloud-proxy-test": none of its 10 rules matches`)
}
