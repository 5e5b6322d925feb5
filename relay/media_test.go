package relay_test

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/stun/v3"
	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/relay"
)

// peer is a UDP socket of SD-RTN's that sends back what it gets.
func (w *world) peer(t *testing.T) net.PacketConn {
	t.Helper()
	conn, err := w.host.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(loopback, 0)))
	require.NoError(t, err)
	done := make(chan struct{})
	go func() {
		defer close(done)
		buf := make([]byte, 1600)
		for {
			n, from, err := conn.ReadFrom(buf)
			if err != nil {
				return
			}
			if _, err := conn.WriteTo(buf[:n], from); err != nil {
				return
			}
		}
	}()
	t.Cleanup(func() {
		conn.Close()
		<-done
	})
	return conn
}

// there sends a datagram through an allocation to a peer that echoes it, and reads it back.
func thereAndBack(t *testing.T, allocation net.PacketConn, peer net.Addr, payload string) {
	t.Helper()
	_, err := allocation.WriteTo([]byte(payload), peer)
	require.NoError(t, err)
	buf := make([]byte, 1600)
	n, from, err := allocation.ReadFrom(buf)
	require.NoError(t, err)
	require.Equal(t, payload, string(buf[:n]))
	require.Equal(t, peer.String(), from.String())
}

func TestMediaPassesOnEveryPort(t *testing.T) {
	w := onLoopback(t, nil)
	a := w.mustLook(t, "app", "7")
	peer := w.peer(t)
	ports := 0
	for i, site := range a.Relays {
		server := a.ICEServers[i]
		for proto, list := range map[string][]int{"udp": site.UDPPorts, "tcp": site.TCPPorts} {
			for _, port := range list {
				ports++
				target := fmt.Sprintf("turn:%s:%d?transport=%s", site.Address, port, proto)
				allocation, err := w.turn(t, target, server.Username, server.Credential).Allocate()
				require.NoError(t, err, target)
				thereAndBack(t, allocation, peer.LocalAddr(), "media")
				thereAndBack(t, allocation, peer.LocalAddr(), strings.Repeat("x", 1200))
				require.NoError(t, allocation.Close())

				created, deleted := w.await(relay.EventAllocationCreated, ports), w.await(relay.EventAllocationDeleted, ports)
				require.Equal(t, strings.ToUpper(proto), created.Proto)
				require.Equal(t, a.Session, created.Session)
				require.Equal(t, port, int(created.To.Port()))
				require.Equal(t, relay.Traffic{Count: 2, Bytes: 1205}, deleted.Up)
				require.Equal(t, relay.Traffic{Count: 2, Bytes: 1205}, deleted.Down)
				up, down := w.await(relay.EventMediaUp, ports), w.await(relay.EventMediaDown, ports)
				for _, e := range []relay.Event{up, down, deleted} {
					require.Equal(t, created.From, e.From)
					require.Equal(t, created.To, e.To)
					require.Equal(t, created.Relayed, e.Relayed)
					require.Equal(t, a.Session, e.Session)
				}
				require.Equal(t, peer.LocalAddr().String(), up.Peer.String())
				require.Equal(t, peer.LocalAddr().String(), down.Peer.String())
				require.Equal(t, 5, up.Bytes)
			}
		}
	}
	require.Equal(t, 8, ports)
}

func TestPeersAreSDRTNOnly(t *testing.T) {
	for name, peers := range map[string][]netip.Prefix{
		"nobody unless configured": nil,
		"SD-RTN is elsewhere":      {netip.MustParsePrefix("192.0.2.0/24")},
	} {
		t.Run(name, func(t *testing.T) {
			w := onLoopback(t, func(cfg *relay.Config) { cfg.Peers = peers })
			a := w.mustLook(t, "app", "7")
			peer := w.peer(t)
			for i, target := range a.ICEServers[0].URLs {
				allocation, err := w.turn(t, target, a.ICEServers[0].Username, a.ICEServers[0].Credential).Allocate()
				require.NoError(t, err)
				_, err = allocation.WriteTo([]byte("media"), peer.LocalAddr())
				require.Error(t, err)
				refused := w.await(relay.EventPermissionRefused, i+1)
				require.Equal(t, relay.CodePeer, refused.Code)
				require.Equal(t, a.Session, refused.Session)
				require.Equal(t, loopback, refused.Peer.Addr())
			}
			require.Empty(t, w.seen(relay.EventMediaUp))
		})
	}
}

// TestOnePeerTooMany is told with its reason, for it is SD-RTN.
func TestOnePeerTooMany(t *testing.T) {
	w := onLoopback(t, func(cfg *relay.Config) { cfg.Peers = []netip.Prefix{netip.MustParsePrefix("198.51.100.0/23")} })
	ice := w.mustLook(t, "app", "7").ICEServers[0]
	client := w.turn(t, ice.URLs[0], ice.Username, ice.Credential)
	_, err := client.Allocate()
	require.NoError(t, err)
	peer := netip.MustParseAddr("198.51.100.0")
	for range 256 {
		require.NoError(t, client.CreatePermission(net.UDPAddrFromAddrPort(netip.AddrPortFrom(peer, 9))))
		peer = peer.Next()
	}
	require.ErrorContains(t, client.CreatePermission(net.UDPAddrFromAddrPort(netip.AddrPortFrom(peer, 9))), "508")
	refused := w.await(relay.EventPermissionRefused, 1)
	require.Equal(t, relay.CodeQuota, refused.Code)
	require.Equal(t, peer, refused.Peer.Addr())
	require.Equal(t, "the allocation has as many permissions, or channels, as one may", refused.Detail)
}

func TestTokenOfNobody(t *testing.T) {
	w := onLoopback(t, nil)
	ice := w.mustLook(t, "app", "7").ICEServers[0]
	client := w.turn(t, ice.URLs[0], ice.Username, ice.Credential)
	allocate := func(attributes ...stun.Setter) *stun.Message {
		m := stun.MustBuild(append([]stun.Setter{stun.TransactionID, stun.NewType(stun.MethodAllocate, stun.ClassRequest),
			stun.RawAttribute{Type: stun.AttrRequestedTransport, Value: []byte{17, 0, 0, 0}}}, attributes...)...)
		answer, err := client.PerformTransaction(m, client.TURNServerAddr(), false)
		require.NoError(t, err)
		return answer.Msg
	}
	var nonce stun.Nonce
	require.NoError(t, nonce.GetFrom(allocate()))
	allocate(stun.RawAttribute{Type: stun.AttrReservationToken, Value: make([]byte, 8)}, stun.NewUsername(ice.Username),
		stun.NewRealm(relay.Realm), nonce, stun.NewLongTermIntegrity(ice.Username, relay.Realm, ice.Credential))
	require.Equal(t, relay.CodeReservation, w.await(relay.EventAllocationRefused, 1).Code)
}

func TestCredentials(t *testing.T) {
	w := onLoopback(t, nil)
	server := w.mustLook(t, "app", "7").ICEServers[0]
	expiry, name, _ := strings.Cut(server.Username, ":")
	for i, c := range []struct{ username, credential string }{
		{server.Username, server.Credential + "x"},
		{server.Username, ""},
		{expiry + "0:" + name, server.Credential}, // a longer life of one's own making
		{expiry + ":" + name + "0", server.Credential},
		{"alice", "password"},
	} {
		for j, target := range server.URLs {
			_, err := w.turn(t, target, c.username, c.credential).Allocate()
			require.Error(t, err, "%+v", c)
			refused := w.await(relay.EventAllocationRefused, i*len(server.URLs)+j+1)
			require.Equal(t, relay.CodeCredentialsInvalid, refused.Code)
			require.NotContains(t, refused.Detail, "password")
		}
	}
	require.Empty(t, w.seen(relay.EventAllocationCreated))
}

func TestCredentialsExpireForNewAllocationsOnly(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, w *world) {
		a := w.mustLook(t, "app", "7")
		server := a.ICEServers[0]
		peer := w.peer(t)
		time.Sleep(time.Until(a.Expires) - time.Second)
		old, err := w.turn(t, server.URLs[0], server.Username, server.Credential).Allocate()
		require.NoError(t, err)
		thereAndBack(t, old, peer.LocalAddr(), "media")

		time.Sleep(time.Second)
		for _, target := range server.URLs {
			_, err = w.turn(t, target, server.Username, server.Credential).Allocate()
			require.Error(t, err)
		}
		refused := w.await(relay.EventAllocationRefused, 2)
		require.Equal(t, relay.CodeCredentialsExpired, refused.Code)
		require.Equal(t, a.Session, refused.Session)

		time.Sleep(2 * time.Hour) // refreshed all the while
		thereAndBack(t, old, peer.LocalAddr(), "media")
		require.NoError(t, old.Close())
		w.await(relay.EventAllocationDeleted, 1)
	})
}

func TestAllocationEndsWithoutItsClient(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, w *world) {
		server := w.mustLook(t, "app", "7").ICEServers[0]
		for i, lives := range []time.Duration{600 * time.Second, 0} { // UDP, TCP
			c := w.turn(t, server.URLs[i], server.Username, server.Credential)
			allocation, err := c.Allocate()
			require.NoError(t, err)
			began := time.Now()
			require.NoError(t, c.conn.Close()) // without a word: a Refresh is no use any more
			allocation.Close()
			w.await(relay.EventAllocationDeleted, i+1)
			require.Equal(t, lives, time.Since(began))
		}
	})
}

// A packet of a stranger, even one of SD-RTN's addresses, isn't media.
func TestPacketsWithoutPermissionAreNotCounted(t *testing.T) {
	inBubble(t, func(cfg *relay.Config) { cfg.Peers = nil }, func(t *testing.T, w *world) {
		server := w.mustLook(t, "app", "7").ICEServers[0]
		allocation, err := w.turn(t, server.URLs[0], server.Username, server.Credential).Allocate()
		require.NoError(t, err)
		_, err = w.peer(t).WriteTo([]byte("knock"), allocation.LocalAddr())
		require.NoError(t, err)
		synctest.Wait()
		require.NoError(t, allocation.Close())
		require.Zero(t, w.await(relay.EventAllocationDeleted, 1).Down)
		require.Empty(t, w.seen(relay.EventMediaDown))
	})
}

func TestStoppingEndsAllocations(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, w *world) {
		server := w.mustLook(t, "app", "7").ICEServers[0]
		for _, target := range server.URLs {
			allocation, err := w.turn(t, target, server.Username, server.Credential).Allocate()
			require.NoError(t, err)
			t.Cleanup(func() { allocation.Close() })
		}
		idle, err := w.host.CreateDialer(&net.Dialer{}).Dial("tcp", strings.TrimSuffix(strings.TrimPrefix(server.URLs[1], "turn:"), "?transport=tcp"))
		require.NoError(t, err)
		defer idle.Close()
		w.stop()
		require.Len(t, w.seen(relay.EventAllocationDeleted), 2, "all of it has been said when Serve returns")
		_, err = idle.Read(make([]byte, 1))
		require.Error(t, err)
	})
}

// A peer without anybody at its port makes the system answer with ICMP. The client doesn't hear of it, and what goes to
// and comes from others is none the worse.
func TestPeerThatIsNotThere(t *testing.T) {
	w := onLoopback(t, nil)
	a := w.mustLook(t, "app", "7")
	peer := w.peer(t)
	nobody, err := w.host.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(loopback, 0)))
	require.NoError(t, err)
	require.NoError(t, nobody.Close())
	allocation, err := w.turn(t, a.ICEServers[0].URLs[0], a.ICEServers[0].Username, a.ICEServers[0].Credential).Allocate()
	require.NoError(t, err)
	for range 20 {
		_, err := allocation.WriteTo([]byte("lost"), nobody.LocalAddr())
		require.NoError(t, err)
		thereAndBack(t, allocation, peer.LocalAddr(), "media")
	}
	require.NoError(t, allocation.Close())
	deleted := w.await(relay.EventAllocationDeleted, 1)
	require.Equal(t, 40, deleted.Books.Up.Out.Count)
	require.Zero(t, deleted.Books.Up.Dropped.Count)
	require.Equal(t, 20, deleted.Books.Down.Out.Count)
}
