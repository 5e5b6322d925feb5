package sim

import (
	"cmp"
	"fmt"
	"net"
	"net/netip"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/sim/firewall"
)

// TestICMPErrorsOfSockets: which errors a connected UDP socket that reads and who connects over TCP are told, and which they
// aren't, as on Linux 6.18.
func TestICMPErrorsOfSockets(t *testing.T) {
	silence, never := os.ErrDeadlineExceeded, syscall.ETIMEDOUT
	for _, tc := range []struct {
		kind     kind
		only4    string // of another type, which IPv4 alone has
		type4    uint8
		udp, tcp error
		over6    error // of both, where it is another one
	}{
		{kind: portUnreachable, udp: syscall.ECONNREFUSED, tcp: syscall.ECONNREFUSED},
		{kind: adminProhibited, udp: syscall.EHOSTUNREACH, tcp: syscall.EHOSTUNREACH, over6: syscall.EACCES},
		{kind: noRoute, udp: silence, tcp: syscall.ENETUNREACH},
		{kind: hostUnreachable, udp: silence, tcp: syscall.EHOSTUNREACH},
		{kind: timeExceeded, udp: silence, tcp: syscall.EHOSTUNREACH},
		{kind: tooBig, udp: syscall.EMSGSIZE, tcp: never},
		{kind: hostUnreachable, only4: "redirect", type4: redirect, udp: silence, tcp: never},
		{kind: hostUnreachable, only4: "source quench", type4: sourceQuench, udp: silence, tcp: never},
	} {
		for _, ends := range [][2]string{{"10.0.0.1", "10.0.0.2"}, {"2001:db8::1", "2001:db8::2"}} {
			local, remote := netip.MustParseAddr(ends[0]), netip.MustParseAddr(ends[1])
			if tc.only4 != "" && local.Is6() {
				continue
			}
			if tc.over6 != nil && local.Is6() {
				tc.udp, tc.tcp = tc.over6, tc.over6
			}
			t.Run(fmt.Sprint(cmp.Or(tc.only4, kinds[tc.kind].name), " at ", local), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					n := New(Config{Settle: synctest.Wait})
					host := n.Host("host", local)
					n.Connect(host, n.Host("other", remote), LinkConfig{Down: true})
					defer serving(n)()
					from, to := netip.AddrPortFrom(local, 5000), netip.AddrPortFrom(remote, 9)
					complain := func(about firewall.Proto) {
						time.Sleep(time.Second)
						e := (&Packet{Proto: about, Src: from, Dst: to}).complaint(remote, tc.kind)
						if tc.only4 != "" {
							e.ICMP.Type = tc.type4
						}
						n.Do(func() { host.deliver(n.now(), e) })
					}

					c, err := host.DialUDP("udp", net.UDPAddrFromAddrPort(from), net.UDPAddrFromAddrPort(to))
					require.NoError(t, err)
					defer c.Close()
					require.NoError(t, c.SetDeadline(time.Now().Add(time.Minute)))
					go complain(firewall.UDP)
					_, err = c.Read(make([]byte, 1))
					require.ErrorIs(t, err, tc.udp)

					go complain(firewall.TCP)
					_, err = host.DialTCP("tcp", net.TCPAddrFromAddrPort(from), net.TCPAddrFromAddrPort(to))
					require.ErrorIs(t, err, tc.tcp)
				})
			})
		}
	}
}
