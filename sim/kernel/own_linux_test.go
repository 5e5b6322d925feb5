package kernel_test

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/proxyspec/proxyspec/sim/firewall"
	"github.com/proxyspec/proxyspec/sim/policy"
	"github.com/proxyspec/proxyspec/sim/policy/ruleset"
)

// TestOwnComputerAgreesWithTheKernel loads each export for a client's own computer, has the kernel send from sockets of
// its own, and compares what leaves with what package firewall says, and package ruleset of the kernel's listing.
func TestOwnComputerAgreesWithTheKernel(t *testing.T) {
	if !inNamespace(t) {
		return
	}
	p := policy.StandIn()
	wire := newWire(t)
	for _, l := range loaders {
		t.Run(string(l.format), func(t *testing.T) {
			need(t, l.program)
			flush(t)
			text, err := p.Export(l.format, policy.Use{Own: true})
			require.NoError(t, err)
			run(t, text, l.load...)
			listing := run(t, "", l.list...)
			rs, err := ruleset.Parse(l.suffix, []byte(listing))
			require.NoError(t, err)
			if !l.four {
				return
			}
			report, err := ruleset.Check(p, rs, ruleset.Options{Path: ruleset.Path{Hook: "output", Out: "outside"}})
			require.NoError(t, err)
			for _, row := range report.Rows {
				require.Equal(t, ruleset.Open, row.Status, "%s\n%s", row.ID, report.Text())
			}
			wall, err := firewall.New(p.Compile(policy.Use{}), firewall.Timeouts{})
			require.NoError(t, err)
			asked := make(map[destination]bool)
			for _, q := range boundaries(p) {
				if q.dst.Addr().Is4() {
					asked[destination{q.proto, q.dst}] = false
				}
			}
			left := wire.sendOwn(t, asked)
			allowed := 0
			for d := range asked {
				want := wall.Decide(time.Time{}, firewall.Packet{Proto: d.proto, Src: netip.MustParseAddrPort("198.18.0.1:50000"), Dst: d.to, Flags: firewall.SYN})
				require.Equal(t, want.Action == firewall.Allow, left[d], "%v %v\n%s", d.proto, d.to, text)
				if left[d] {
					allowed++
				}
			}
			t.Logf("%d destinations, of which the kernel let %d through; package firewall agrees on each", len(asked), allowed)
		})
	}
}

type destination struct {
	proto firewall.Proto
	to    netip.AddrPort
}

// sendOwn has the kernel send a first packet to each destination, and tells which of them left. A forwarded packet
// comes last: the rules of the computer's own traffic don't judge it.
func (w *wire) sendOwn(t *testing.T, to map[destination]bool) map[destination]bool {
	t.Helper()
	for d := range to {
		kind := unix.SOCK_STREAM
		if d.proto == firewall.UDP {
			kind = unix.SOCK_DGRAM
		}
		fd, err := unix.Socket(unix.AF_INET, kind|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
		require.NoError(t, err)
		err = unix.Connect(fd, &unix.SockaddrInet4{Port: int(d.to.Port()), Addr: d.to.Addr().As4()})
		if err == nil {
			_, err = unix.Write(fd, binary.BigEndian.AppendUint64(nil, 0))
		}
		if err != nil && !errors.Is(err, unix.EINPROGRESS) && !errors.Is(err, unix.EPERM) { // EPERM: a rule dropped it
			require.NoError(t, os.NewSyscallError("send", err))
		}
		require.NoError(t, unix.Close(fd))
	}
	mark := tuple{firewall.UDP, netip.MustParseAddrPort("10.0.0.2:9"), netip.MustParseAddrPort("192.0.2.9:9")}
	_, err := w.inside.Write(packet(t, mark, 0, 0))
	require.NoError(t, err)
	require.NoError(t, w.outside.SetReadDeadline(time.Now().Add(10*time.Second)))
	left := make(map[destination]bool)
	buf := make([]byte, 2048)
	for {
		n, err := w.outside.Read(buf)
		require.NoError(t, err, "the mark never came")
		q, _ := parse(buf[:n])
		if q.src == mark.src {
			return left
		}
		left[destination{q.proto, q.dst}] = true
	}
}
