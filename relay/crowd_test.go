package relay_test

import (
	"encoding/binary"
	"flag"
	"math/rand/v2"
	"net"
	"net/netip"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/pion/stun/v3"
	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/relay"
	"github.com/proxyspec/proxyspec/relay/batch"
)

var crowd = flag.Int("crowd", 500, "how many allocations TestCrowd makes; a fifth as many connections stall")

// A crowd of allocations, connections that stall and garbage on every port harm nobody who is in a call, cost a
// bounded amount of memory, and leave nothing.
func TestCrowd(t *testing.T) {
	goroutines := runtime.NumGoroutine()
	t.Run("crowd", func(t *testing.T) { testCrowd(t, *crowd, *crowd/5) })
	for late := time.Now().Add(time.Minute); runtime.NumGoroutine() > goroutines+2; runtime.Gosched() {
		if time.Now().After(late) {
			buf := make([]byte, 1<<20)
			t.Fatalf("goroutines are left:\n%s", buf[:runtime.Stack(buf, true)])
		}
	}
}

func testCrowd(t *testing.T, allocations, stalled int) {
	var files syscall.Rlimit
	require.NoError(t, syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files))
	// A client's socket has an allocation at each of the two UDP ports: the 5-tuple tells them apart. The limit is as
	// high as the system lets us have it: the Go runtime sees to that.
	if need := uint64(allocations + allocations/2 + 2*stalled + 300); files.Cur < need {
		t.Skipf("%d files may be open, and both ends of this crowd need %d (ulimit -Hn)", files.Cur, need)
	}
	w := onLoopback(t, func(cfg *relay.Config) {
		cfg.Limits = relay.Limits{SessionAllocations: -1, Strangers: -1, Allocations: -1}
	})
	a := w.mustLook(t, "app", "7")
	site, server := a.Relays[0], a.ICEServers[0]
	peer := w.peer(t)
	call, err := w.turn(t, server.URLs[0], server.Username, server.Credential).Allocate()
	require.NoError(t, err)
	overTCP, err := w.turn(t, server.URLs[1], server.Username, server.Credential).Allocate()
	require.NoError(t, err)
	unharmed := func() {
		t.Helper()
		thereAndBack(t, call, peer.LocalAddr(), "media")
		thereAndBack(t, overTCP, peer.LocalAddr(), "media")
	}
	unharmed()

	before := memory()
	g := newCrowd(t)
	require.Len(t, site.UDPPorts, 2)
	var client *batch.Socket
	for i := range allocations {
		if i%2 == 0 {
			client = g.open(t)
		}
		g.allocate(t, client, netip.AddrPortFrom(loopback, uint16(site.UDPPorts[i%2])), server.Username, server.Credential)
		if i%100 == 0 {
			unharmed()
		}
	}
	ports := append(append([]int{}, site.TCPPorts...), site.MessagePorts...)
	var conns []net.Conn
	for i := range stalled {
		conn, err := net.Dial("tcp", netip.AddrPortFrom(loopback, uint16(ports[i%len(ports)])).String())
		require.NoError(t, err)
		conns = append(conns, conn)
		if i%2 == 0 { // half of them begin a message, and leave it at that
			_, _ = conn.Write([]byte{0, 3, 0x10, 0, 0x21, 0x12})
		}
	}
	unharmed()
	random := rand.NewChaCha8([32]byte{1})
	garbage := make([]byte, 1400)
	for i := range 20 * len(site.UDPPorts) {
		_, _ = random.Read(garbage)
		g.send(netip.AddrPortFrom(loopback, uint16(site.UDPPorts[i%len(site.UDPPorts)])), garbage[:1+i*60%len(garbage)])
	}
	for i := range 10 * len(ports) {
		_, _ = random.Read(garbage)
		conn, err := net.Dial("tcp", netip.AddrPortFrom(loopback, uint16(ports[i%len(ports)])).String())
		require.NoError(t, err)
		_, _ = conn.Write(garbage)
		conn.Close()
	}
	unharmed()
	if each := (memory() - before) / int64(allocations+stalled); each > 16<<10 {
		t.Errorf("%d bytes for each allocation and connection: expected at most 16 KiB, clients included", each)
	}
	for _, conn := range conns {
		conn.Close()
	}
	unharmed()
	require.NoError(t, call.Close())
	require.NoError(t, overTCP.Close())
	w.stop()
	require.Len(t, w.seen(relay.EventAllocationDeleted), allocations+2)
	for _, e := range w.seen(relay.EventAllocationDeleted) {
		require.True(t, e.Books.Up.Balanced() && e.Books.Down.Balanced(), "%+v", *e.Books)
	}
}

// memory is what the heap and the stacks hold.
func memory() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc + m.StackInuse)
}

// crowdOf is clients that one goroutine serves.
type crowdOf struct {
	group *batch.Group
	first *batch.Socket
}

func newCrowd(t *testing.T) *crowdOf {
	host, err := batch.NewNet()
	require.NoError(t, err)
	group, err := host.NewGroup()
	if err != nil {
		t.Skip(err)
	}
	t.Cleanup(group.Close)
	g := &crowdOf{group: group}
	g.first = g.open(t)
	return g
}

func (g *crowdOf) open(t *testing.T) *batch.Socket {
	s, err := g.group.Listen(netip.AddrPortFrom(loopback, 0), nil)
	require.NoError(t, err)
	t.Cleanup(s.Close)
	return s
}

func (g *crowdOf) send(to netip.AddrPort, payload []byte) { write(g.first, to, payload) }

func write(s *batch.Socket, to netip.AddrPort, payload []byte) {
	var w batch.Writer
	w.Add(s, payload, to, 0)
	w.Flush(func(int) {})
}

// allocate makes one more allocation.
func (g *crowdOf) allocate(t *testing.T, s *batch.Socket, server netip.AddrPort, username, credential string) {
	ask := func(attributes ...stun.Setter) *stun.Message {
		m := stun.MustBuild(append([]stun.Setter{stun.TransactionID, stun.NewType(stun.MethodAllocate, stun.ClassRequest),
			stun.RawAttribute{Type: stun.AttrRequestedTransport, Value: binary.BigEndian.AppendUint32(nil, 17<<24)}}, attributes...)...)
		write(s, server, m.Raw)
		for {
			datagrams, err := g.group.Read()
			require.NoError(t, err)
			for _, d := range datagrams {
				answer := &stun.Message{Raw: append([]byte{}, d.Payload...)}
				if d.Socket == s && answer.Decode() == nil {
					return answer
				}
			}
		}
	}
	var nonce stun.Nonce
	require.NoError(t, nonce.GetFrom(ask()))
	answer := ask(stun.NewUsername(username), stun.NewRealm(relay.Realm), nonce, stun.NewLongTermIntegrity(username, relay.Realm, credential))
	require.Equal(t, stun.ClassSuccessResponse, answer.Type.Class, "%v", answer)
}
