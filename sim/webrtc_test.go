package sim_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/webrtc/v4"
	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/sim"
	"github.com/proxyspec/proxyspec/sim/bubble"
	"github.com/proxyspec/proxyspec/sim/nat"
)

// TestWebRTCThroughNATs opens a data channel with pion/webrtc, unmodified, behind NATs as RFC 3489 named
// them, and for the hardest by TURN over TCP too.
func TestWebRTCThroughNATs(t *testing.T) {
	cone := natKind{nat.EndpointIndependent, nat.EndpointIndependent}
	restricted := natKind{nat.EndpointIndependent, nat.AddressDependent}
	portRestricted := natKind{nat.EndpointIndependent, nat.AddressAndPortDependent}
	symmetric := natKind{nat.AddressAndPortDependent, nat.AddressAndPortDependent}
	for _, tc := range []struct {
		name   string
		a, b   natKind
		proto  string // of the way to the TURN server
		direct bool
	}{
		{"full cone and symmetric", cone, symmetric, "udp", true},
		{"restricted and symmetric", restricted, symmetric, "udp", true},
		{"port restricted, both", portRestricted, portRestricted, "udp", true},
		{"port restricted and symmetric", portRestricted, symmetric, "udp", false},
		{"symmetric, both", symmetric, symmetric, "udp", false},
		{"symmetric, both, TURN over TCP", symmetric, symmetric, "tcp", false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			world, err := bubble.Open(bubble.Config{Watchdog: time.Minute})
			require.NoError(t, err)
			require.NoError(t, world.Do(func() {
				w, err := newHomes(tc.a, tc.b)
				require.NoError(t, err)
				pair, err := chat(w, tc.proto)
				require.NoError(t, err)
				require.Equal(t, tc.direct, !strings.Contains(pair, "relay"), pair)
				require.NoError(t, w.close())
			}))
			require.NoError(t, world.Close(10*time.Minute))
		})
	}
}

// chat sends a message through a data channel and back, and says by which candidates it went.
func chat(w *homes, proto string) (pair string, err error) {
	offerer, err := peer(w.alice, proto)
	if err != nil {
		return "", err
	}
	answerer, err := peer(w.bob, proto)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, offerer.Close(), answerer.Close()) }()
	answerer.OnDataChannel(func(d *webrtc.DataChannel) {
		d.OnMessage(func(m webrtc.DataChannelMessage) { _ = d.Send(m.Data) })
	})
	channel, err := offerer.CreateDataChannel("chat", nil)
	if err != nil {
		return "", err
	}
	came := make(chan string, 1)
	channel.OnOpen(func() { _ = channel.SendText("hello") })
	channel.OnMessage(func(m webrtc.DataChannelMessage) { came <- string(m.Data) })
	if err := signal(offerer, answerer); err != nil {
		return "", err
	}
	select {
	case got := <-came:
		if got != "hello" {
			return "", fmt.Errorf("%q came back", got)
		}
	case <-time.After(time.Minute):
		return "", errors.New("nothing came back within a minute")
	}
	used, err := offerer.SCTP().Transport().ICETransport().GetSelectedCandidatePair()
	if err != nil {
		return "", err
	}
	return used.Local.Typ.String() + " " + used.Remote.Typ.String(), nil
}

// peer is a peer connection on a host: SetNet is all that it takes.
func peer(h *sim.Host, proto string) (*webrtc.PeerConnection, error) {
	engine := webrtc.SettingEngine{}
	engine.SetNet(h)
	engine.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	engine.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4})
	return webrtc.NewAPI(webrtc.WithSettingEngine(engine)).NewPeerConnection(webrtc.Configuration{ICEServers: []webrtc.ICEServer{
		{URLs: []string{fmt.Sprintf("stun:%v:3478", turnAddr)}},
		{URLs: []string{fmt.Sprintf("turn:%v:3478?transport=%s", turnAddr, proto)}, Username: "user", Credential: "secret"},
	}})
}

// signal hands the descriptions over, complete with candidates.
func signal(offerer, answerer *webrtc.PeerConnection) error {
	offer, err := offerer.CreateOffer(nil)
	if err != nil {
		return err
	}
	gathered := webrtc.GatheringCompletePromise(offerer)
	if err := offerer.SetLocalDescription(offer); err != nil {
		return err
	}
	<-gathered
	if err := answerer.SetRemoteDescription(*offerer.LocalDescription()); err != nil {
		return err
	}
	answer, err := answerer.CreateAnswer(nil)
	if err != nil {
		return err
	}
	gathered = webrtc.GatheringCompletePromise(answerer)
	if err := answerer.SetLocalDescription(answer); err != nil {
		return err
	}
	<-gathered
	return offerer.SetRemoteDescription(*answerer.LocalDescription())
}
