package relay_test

import (
	"crypto/tls"
	"fmt"
	"net"
	"os/exec"
	"strings"
	"testing"
	"time"

	pion "github.com/pion/turn/v4"
	"github.com/pion/webrtc/v4"
	"github.com/stretchr/testify/require"
	xwebsocket "golang.org/x/net/websocket"

	"github.com/proxyspec/proxyspec/relay"
)

// TURN over TLS is on the ports of TURN over TCP.
func TestMediaPassesOverTLS(t *testing.T) {
	w := onLoopback(t, nil)
	a := w.mustLook(t, "app", "7")
	peer := w.peer(t)
	for _, port := range a.Relays[0].TCPPorts {
		server := fmt.Sprintf("%s:%d", a.Relays[0].Address, port)
		for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
			conn, err := tls.Dial("tcp", server, &tls.Config{RootCAs: w.trust, MaxVersion: version, NextProtos: []string{"stun.turn"}})
			require.NoError(t, err)
			c, err := pion.NewClient(&pion.ClientConfig{
				TURNServerAddr: server, Conn: pion.NewSTUNConn(conn), Username: a.ICEServers[0].Username, Password: a.ICEServers[0].Credential,
			})
			require.NoError(t, err)
			require.NoError(t, c.Listen())
			allocation, err := c.Allocate()
			require.NoError(t, err)
			thereAndBack(t, allocation, peer.LocalAddr(), "media")
			thereAndBack(t, allocation, peer.LocalAddr(), strings.Repeat("x", 1200))
			require.NoError(t, allocation.Close())
			c.Close()
			conn.Close()
		}
		_, err := tls.Dial("tcp", server, &tls.Config{RootCAs: w.trust, MaxVersion: tls.VersionTLS11})
		require.Error(t, err, "TLS 1.1 is over (RFC 8996)")
	}
}

// Debian's client of coturn, always with -s: its channels have numbers that RFC 8656 reserves.
func TestUclient(t *testing.T) {
	uclient, err := exec.LookPath("turnutils_uclient")
	if err != nil {
		t.Skip("turnutils_uclient isn't installed (Debian's package coturn)")
	}
	w := onLoopback(t, nil)
	a := w.mustLook(t, "app", "7")
	peer := w.peer(t).LocalAddr().(*net.UDPAddr)
	for _, tc := range []struct {
		transport string
		port      int
		flags     []string
	}{
		{"udp", a.Relays[0].UDPPorts[0], nil},
		{"tcp", a.Relays[0].TCPPorts[0], []string{"-t"}},
		{"tls", a.Relays[0].TCPPorts[0], []string{"-t", "-S"}},
	} {
		t.Run(tc.transport, func(t *testing.T) {
			t.Parallel() // it rests for seconds
			args := append(tc.flags, "-s", "-c", "-n", "5", "-m", "2", "-l", "160", "-e", peer.IP.String(), "-r", fmt.Sprint(peer.Port),
				"-u", a.ICEServers[0].Username, "-w", a.ICEServers[0].Credential, "-p", fmt.Sprint(tc.port), a.Relays[0].Address)
			out, err := exec.CommandContext(t.Context(), uclient, args...).CombinedOutput()
			require.NoError(t, err, "%s", out)
			require.Contains(t, string(out), "tot_send_msgs=10, tot_recv_msgs=10", "%s", out)
		})
	}
}

// pion/webrtc with the ICE servers as they are, relay only, on both sides.
func TestWebRTC(t *testing.T) {
	w := onLoopback(t, nil)
	var peers [2]*webrtc.PeerConnection
	settings := webrtc.SettingEngine{}
	settings.SetIncludeLoopbackCandidate(true)
	api := webrtc.NewAPI(webrtc.WithSettingEngine(settings))
	for i := range peers {
		var servers []webrtc.ICEServer
		for _, s := range w.mustLook(t, "app", fmt.Sprint(i)).ICEServers {
			servers = append(servers, webrtc.ICEServer{URLs: s.URLs, Username: s.Username, Credential: s.Credential})
		}
		var err error
		peers[i], err = api.NewPeerConnection(webrtc.Configuration{ICEServers: servers, ICETransportPolicy: webrtc.ICETransportPolicyRelay})
		require.NoError(t, err)
		t.Cleanup(func() { peers[i].Close() })
	}
	got := make(chan string, 1)
	peers[1].OnDataChannel(func(d *webrtc.DataChannel) {
		d.OnMessage(func(m webrtc.DataChannelMessage) { got <- string(m.Data) })
	})
	channel, err := peers[0].CreateDataChannel("data", nil)
	require.NoError(t, err)
	channel.OnOpen(func() { _ = channel.SendText("through two relays") })
	exchangeSDP(t, peers[0], peers[1])
	select {
	case text := <-got:
		require.Equal(t, "through two relays", text)
	case <-time.After(time.Minute):
		t.Fatal("nothing arrived")
	}
	require.NotEmpty(t, w.seen(relay.EventMediaUp))
}

// exchangeSDP has two peers agree, with all candidates at once.
func exchangeSDP(t *testing.T, caller, callee *webrtc.PeerConnection) {
	offer, err := caller.CreateOffer(nil)
	require.NoError(t, err)
	gathered := webrtc.GatheringCompletePromise(caller)
	require.NoError(t, caller.SetLocalDescription(offer))
	<-gathered
	require.NoError(t, callee.SetRemoteDescription(*caller.LocalDescription()))
	answer, err := callee.CreateAnswer(nil)
	require.NoError(t, err)
	gathered = webrtc.GatheringCompletePromise(callee)
	require.NoError(t, callee.SetLocalDescription(answer))
	<-gathered
	require.NoError(t, caller.SetRemoteDescription(*callee.LocalDescription()))
}

// A second WebSocket library; coder/websocket is everywhere else.
func TestAnotherWebSocket(t *testing.T) {
	w := onLoopback(t, nil)
	cfg, err := xwebsocket.NewConfig(w.mustLook(t, "app", "7").MessageURLs[0], "https://app.example.org")
	require.NoError(t, err)
	cfg.TlsConfig = &tls.Config{RootCAs: w.trust}
	ws, err := cfg.DialContext(t.Context())
	require.NoError(t, err)
	defer ws.Close()
	for _, text := range []string{"hello", strings.Repeat("x", 100_000)} {
		require.NoError(t, xwebsocket.Message.Send(ws, text))
		var back string
		require.NoError(t, xwebsocket.Message.Receive(ws, &back))
		require.Equal(t, text, back)
	}
}
