package sim_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	"github.com/google/gopacket/pcapgo"
	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/sim"
	"github.com/proxyspec/proxyspec/sim/firewall"
)

// TestCapture captures a firewall, on both sides, and a host, of both families, and reads the file again: each packet
// has its wire form, checksums included, its time and its interface, and what was refused is there with the reason.
func TestCapture(t *testing.T) {
	var file bytes.Buffer
	synctest.Test(t, func(t *testing.T) {
		addr := netip.MustParseAddr
		n := sim.New(sim.Config{Seed: 1, Settle: synctest.Wait})
		alice := n.Host("alice", addr("10.0.0.2"), addr("2001:db8:a::2"))
		bob := n.Host("bob", addr("192.0.2.1"), addr("2001:db8:b::1"))
		wall := n.Router("wall")
		inside := n.Connect(alice, wall, sim.LinkConfig{Delay: time.Millisecond})
		n.Connect(wall, bob, sim.LinkConfig{Delay: time.Millisecond})
		f, err := firewall.New(firewall.Policy{ID: "seven", Rules: []firewall.Rule{
			{ID: "echo", Proto: firewall.UDP, Ports: []firewall.PortRange{firewall.Port(7)}, Action: firewall.Allow},
			{ID: "no-web", Proto: firewall.TCP, Action: firewall.Reject},
		}}, firewall.Timeouts{})
		require.NoError(t, err)
		wall.Guard(f, inside)
		c, err := n.Capture(&file, wall, bob)
		require.NoError(t, err)
		moving(n, func() {
			for _, to := range []string{"192.0.2.1", "2001:db8:b::1"} {
				for _, port := range []string{"7", "9"} {
					conn, err := alice.Dial("udp", net.JoinHostPort(to, port))
					require.NoError(t, err)
					_, err = conn.Write([]byte("to " + port))
					require.NoError(t, err)
					time.Sleep(time.Second)
					require.NoError(t, conn.Close())
				}
				_, err := alice.Dial("tcp", net.JoinHostPort(to, "80"))
				require.Error(t, err)
				time.Sleep(time.Second)
			}
		})
		require.NoError(t, c.Close())
	})

	r, err := pcapgo.NewNgReader(bytes.NewReader(file.Bytes()), pcapgo.NgReaderOptions{WantMixedLinkType: true})
	require.NoError(t, err)
	var got []string
	var start time.Time
	for {
		data, info, err := r.ReadPacketData()
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		if start.IsZero() {
			start = info.Timestamp
		}
		p, err := sim.Parse(data) // which finds every wrong checksum
		require.NoError(t, err)
		require.Nil(t, gopacket.NewPacket(data, map[byte]gopacket.LayerType{4: layers.LayerTypeIPv4, 6: layers.LayerTypeIPv6}[data[0]>>4], gopacket.Default).ErrorLayer())
		face, err := r.Interface(info.InterfaceIndex)
		require.NoError(t, err)
		got = append(got, fmt.Sprintf("%v %s: %v", info.Timestamp.Sub(start), face.Name, p))
	}
	require.Equal(t, strings.Split(strings.TrimSpace(`
0s wall inside: UDP 10.0.0.2:49152 > 192.0.2.1:7, 32 bytes
0s wall outside: UDP 10.0.0.2:49152 > 192.0.2.1:7, 32 bytes
1ms bob: UDP 10.0.0.2:49152 > 192.0.2.1:7, 32 bytes
1ms bob: ICMP 192.0.2.1 > 10.0.0.2 port unreachable, about UDP 10.0.0.2:49152 > 192.0.2.1:7
2ms wall outside: ICMP 192.0.2.1 > 10.0.0.2 port unreachable, about UDP 10.0.0.2:49152 > 192.0.2.1:7
2ms wall inside: ICMP 192.0.2.1 > 10.0.0.2 port unreachable, about UDP 10.0.0.2:49152 > 192.0.2.1:7
1s wall inside: UDP 10.0.0.2:49153 > 192.0.2.1:9, 32 bytes
2s wall inside: TCP 10.0.0.2:49152 > 192.0.2.1:80 SYN, 52 bytes
2s wall inside: TCP 192.0.2.1:80 > 10.0.0.2:49152 RST ACK, 40 bytes
3.002s wall inside: UDP [2001:db8:a::2]:49154 > [2001:db8:b::1]:7, 52 bytes
3.002s wall outside: UDP [2001:db8:a::2]:49154 > [2001:db8:b::1]:7, 52 bytes
3.003s bob: UDP [2001:db8:a::2]:49154 > [2001:db8:b::1]:7, 52 bytes
3.003s bob: ICMPv6 2001:db8:b::1 > 2001:db8:a::2 port unreachable, about UDP [2001:db8:a::2]:49154 > [2001:db8:b::1]:7
3.004s wall outside: ICMPv6 2001:db8:b::1 > 2001:db8:a::2 port unreachable, about UDP [2001:db8:a::2]:49154 > [2001:db8:b::1]:7
3.004s wall inside: ICMPv6 2001:db8:b::1 > 2001:db8:a::2 port unreachable, about UDP [2001:db8:a::2]:49154 > [2001:db8:b::1]:7
4.002s wall inside: UDP [2001:db8:a::2]:49155 > [2001:db8:b::1]:9, 52 bytes
5.002s wall inside: TCP [2001:db8:a::2]:49153 > [2001:db8:b::1]:80 SYN, 72 bytes
5.002s wall inside: TCP [2001:db8:b::1]:80 > [2001:db8:a::2]:49153 RST ACK, 60 bytes
`), "\n"), got)
	for comment, times := range map[string]int{"allow by rule echo": 4, "drop by rule default": 2, "reject by rule no-web": 2} {
		require.Equal(t, times, bytes.Count(file.Bytes(), []byte(comment)), comment)
	}
}
