package sdrtn

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"math/big"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"
	"github.com/pion/webrtc/v4"
	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/fakes/internal/memnet"
	"github.com/proxyspec/proxyspec/fakes/internal/rtc"
)

// world is two gateways of one backbone, in virtual time.
type world struct {
	t        *testing.T
	net      *memnet.Network
	trust    *tls.Config
	gateways []*Gateway

	mu     sync.Mutex
	events []Event
}

func inWorld(t *testing.T, f func(*world)) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t, net: memnet.New()}
		addrs := []netip.Addr{netip.MustParseAddr("192.0.2.11"), netip.MustParseAddr("192.0.2.12")}
		_, key, err := ed25519.GenerateKey(rand.Reader)
		require.NoError(t, err)
		template := &x509.Certificate{
			SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(1, 0, 0),
			IPAddresses: []net.IP{addrs[0].AsSlice(), addrs[1].AsSlice()},
		}
		der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
		require.NoError(t, err)
		w.trust = &tls.Config{RootCAs: x509.NewCertPool()}
		cert, err := x509.ParseCertificate(der)
		require.NoError(t, err)
		w.trust.RootCAs.AddCert(cert)

		ctx, cancel := context.WithCancel(context.Background())
		var serving sync.WaitGroup
		backbone := NewBackbone()
		for i, addr := range addrs {
			g, err := New(Config{
				Name: []string{"gateway-1", "gateway-2"}[i], Net: w.net.Host(addr), Address: netip.AddrPortFrom(addr, 0), Backbone: backbone,
				TLS: &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}},
				Log: func(e Event) { w.mu.Lock(); defer w.mu.Unlock(); w.events = append(w.events, e) },
			})
			require.NoError(t, err)
			require.NoError(t, g.Listen())
			serving.Go(func() { require.NoError(t, g.Serve(ctx)) })
			w.gateways = append(w.gateways, g)
		}
		t.Cleanup(func() { cancel(); serving.Wait() })
		f(w)
	})
}

// seen is the events of a name about a user.
func (w *world) seen(name, user string) (found []Event) {
	synctest.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, e := range w.events {
		if e.Name == name && e.User == user {
			found = append(found, e)
		}
	}
	return found
}

// client is a connection to a gateway.
type client struct {
	w      *world
	ws     *websocket.Conn
	id     int
	resume string
}

func (w *world) dial(gateway int, from string) *client {
	host := w.net.Host(netip.MustParseAddr(from))
	ws, _, err := websocket.Dial(w.t.Context(), "wss://"+w.gateways[gateway].Address().String()+ChannelPath, &websocket.DialOptions{
		HTTPClient: &http.Client{Transport: &http.Transport{DialContext: host.DialContext, TLSClientConfig: w.trust}},
	})
	require.NoError(w.t, err)
	ws.SetReadLimit(1 << 20)
	w.t.Cleanup(func() { ws.CloseNow() })
	return &client{w: w, ws: ws}
}

func (c *client) next() (f Frame) {
	c.w.t.Helper()
	_, text, err := c.ws.Read(context.Background())
	require.NoError(c.w.t, err)
	require.NoError(c.w.t, json.Unmarshal(text, &f))
	return f
}

// ask sends a request and reads its reply, which must be the next frame.
func (c *client) ask(f Frame) Frame {
	c.w.t.Helper()
	c.id++
	f.ID = c.id
	require.NoError(c.w.t, c.ws.Write(context.Background(), websocket.MessageText, Encode(f)))
	reply := c.next()
	require.Equal(c.w.t, f.ID, reply.ID, "%+v", reply)
	return reply
}

func (c *client) join(uid string) *client {
	c.w.t.Helper()
	reply := c.ask(Frame{Type: TypeJoin, AppID: "app", Channel: "town-hall", UID: uid, Resume: c.resume})
	require.Equal(c.w.t, TypeOK, reply.Type, reply.Message)
	require.Equal(c.w.t, uid, reply.UID)
	c.resume = reply.Resume
	return c
}

// offer is one for these kinds; for none it has a data channel.
func (w *world) offer(direction webrtc.RTPTransceiverDirection, kinds ...webrtc.RTPCodecType) string {
	api, err := rtc.API(w.net.Host(netip.MustParseAddr("10.0.0.99")), nil)
	require.NoError(w.t, err)
	pc, err := api.NewPeerConnection(webrtc.Configuration{})
	require.NoError(w.t, err)
	defer pc.GracefulClose()
	if len(kinds) == 0 {
		_, err = pc.CreateDataChannel("data", nil)
		require.NoError(w.t, err)
	}
	for _, kind := range kinds {
		_, err := pc.AddTransceiverFromKind(kind, webrtc.RTPTransceiverInit{Direction: direction})
		require.NoError(w.t, err)
	}
	offer, err := pc.CreateOffer(nil)
	require.NoError(w.t, err)
	return offer.SDP
}

func TestRefusals(t *testing.T) {
	inWorld(t, func(w *world) {
		other := w.dial(1, "10.0.0.2").join("bob")
		c := w.dial(0, "10.0.0.1")
		refuses := func(code string, f Frame) {
			t.Helper()
			reply := c.ask(f)
			require.Equal(t, TypeError, reply.Type)
			require.Equal(t, code, reply.Code, reply.Message)
			require.NotEmpty(t, reply.Message)
		}
		audio := w.offer(webrtc.RTPTransceiverDirectionSendonly, webrtc.RTPCodecTypeAudio)
		receive := w.offer(webrtc.RTPTransceiverDirectionRecvonly, webrtc.RTPCodecTypeAudio)

		refuses(CodeNotJoined, Frame{Type: TypeMessage, Text: "x"})
		refuses(CodeMalformed, Frame{Type: TypeJoin, AppID: "app"})
		refuses(CodeMalformed, Frame{Type: TypeJoin, Channel: "town-hall"})
		refuses(CodeUIDInUse, Frame{Type: TypeJoin, AppID: "app", Channel: "town-hall", UID: "bob"})
		refuses(CodeUIDInUse, Frame{Type: TypeJoin, AppID: "app", Channel: "town-hall", UID: "bob", Resume: "guess"})
		c.join("alice")
		require.Equal(t, Frame{Type: TypeUserJoined, UID: "bob"}, c.next())
		require.Equal(t, Frame{Type: TypeUserJoined, UID: "alice"}, other.next())
		refuses(CodeAlreadyJoined, Frame{Type: TypeJoin, AppID: "app", Channel: "town-hall"})
		refuses(CodeMalformed, Frame{Type: "shout"})
		refuses(CodeBadOffer, Frame{Type: TypePublish, Audio: true, SDP: "v=0"})
		refuses(CodeBadOffer, Frame{Type: TypePublish, Audio: true, Video: true, SDP: audio})
		refuses(CodeMalformed, Frame{Type: TypePublish, SDP: audio})
		refuses(CodeNotPublished, Frame{Type: TypeUnpublish})
		refuses(CodeNotPublished, Frame{Type: TypeSubscribe, UID: "bob", Audio: true, SDP: receive})
		refuses(CodeUnknownUser, Frame{Type: TypeSubscribe, UID: "carol", Audio: true, SDP: receive})
		refuses(CodeUnknownUser, Frame{Type: TypeSubscribe, UID: "alice", Audio: true, SDP: receive})
		refuses(CodeNotSubscribed, Frame{Type: TypeUnsubscribe, UID: "bob"})
		require.NoError(t, c.ws.Write(context.Background(), websocket.MessageText, []byte("hello")))
		require.Equal(t, CodeMalformed, c.next().Code)

		require.Equal(t, TypeOK, other.ask(Frame{Type: TypePublish, Audio: true, SDP: audio}).Type)
		require.Equal(t, Frame{Type: TypeUserPublished, UID: "bob", Audio: true}, c.next())
		require.Equal(t, CodeAlreadyPublished, other.ask(Frame{Type: TypePublish, Audio: true, SDP: audio}).Code)
		refuses(CodeNotPublished, Frame{Type: TypeSubscribe, UID: "bob", Video: true, SDP: receive})
		reply := c.ask(Frame{Type: TypeSubscribe, UID: "bob", Audio: true, Video: true, SDP: receive})
		require.Equal(t, TypeOK, reply.Type, "%s: it gets what there is", reply.Message)
		require.NotEmpty(t, reply.SDP)
		refuses(CodeAlreadySubscribed, Frame{Type: TypeSubscribe, UID: "bob", Audio: true, SDP: receive})
		require.Equal(t, TypeOK, c.ask(Frame{Type: TypeUnsubscribe, UID: "bob"}).Type)
		require.Equal(t, TypeOK, other.ask(Frame{Type: TypeUnpublish}).Type)
		require.Equal(t, Frame{Type: TypeUserUnpub, UID: "bob"}, c.next())

		for _, e := range w.seen(EventRefused, "alice") {
			require.NotEmpty(t, e.Code)
			require.Equal(t, netip.MustParseAddr("10.0.0.1"), e.Source.Addr())
		}
	})
}

// TestOneRefusalForOneOffer: of two kinds that an offer lacks it isn't chance which is named.
func TestOneRefusalForOneOffer(t *testing.T) {
	inWorld(t, func(w *world) {
		c, sdp := w.dial(0, "10.0.0.1").join("alice"), w.offer(webrtc.RTPTransceiverDirectionSendonly)
		for range 20 {
			reply := c.ask(Frame{Type: TypePublish, Audio: true, Video: true, SDP: sdp})
			require.Equal(t, "the offer has no m-line for audio", reply.Message)
		}
	})
}

func TestMessagesAreNumberedForEachReceiver(t *testing.T) {
	inWorld(t, func(w *world) {
		alice := w.dial(0, "10.0.0.1").join("alice")
		bob := w.dial(1, "10.0.0.2").join("bob")
		require.Equal(t, "bob", alice.next().UID)
		require.Equal(t, "alice", bob.next().UID)
		require.Equal(t, TypeOK, alice.ask(Frame{Type: TypeMessage, Text: "to bob"}).Type)
		require.Equal(t, Frame{Type: TypeMessage, UID: "alice", Text: "to bob", Seq: 1}, bob.next())
		carol := w.dial(0, "10.0.0.3").join("carol")
		require.Equal(t, "alice", carol.next().UID, "who is there, in order")
		require.Equal(t, "bob", carol.next().UID)
		require.Equal(t, "carol", alice.next().UID)
		require.Equal(t, "carol", bob.next().UID)
		require.Equal(t, TypeOK, alice.ask(Frame{Type: TypeMessage, Text: "to both"}).Type)
		require.Equal(t, Frame{Type: TypeMessage, UID: "alice", Text: "to both", Seq: 2}, bob.next())
		require.Equal(t, Frame{Type: TypeMessage, UID: "alice", Text: "to both", Seq: 1}, carol.next())

		in, out := w.seen(EventMessageIn, "alice"), w.seen(EventMessageOut, "carol")
		require.Len(t, in, 2)
		require.Len(t, out, 1)
		require.Equal(t, in[1].Digest, out[0].Digest)
		require.Equal(t, "alice", out[0].Peer)
		require.Equal(t, netip.MustParseAddr("10.0.0.3"), out[0].Source.Addr())
	})
}

func TestUserWhoVanishesLeaves(t *testing.T) {
	inWorld(t, func(w *world) {
		alice := w.dial(0, "10.0.0.1").join("alice")
		began := time.Now()
		w.dial(0, "10.0.0.2").join("bob") // and never reads again: no ping is answered
		require.Equal(t, "bob", alice.next().UID)
		require.Equal(t, Frame{Type: TypeUserLeft, UID: "bob"}, alice.next())
		require.Equal(t, pingInterval+pingTimeout, time.Since(began))
		require.Len(t, w.seen(EventLeft, "bob"), 1)
		require.Contains(t, w.seen(EventDisconnected, "bob")[0].Detail, "no answer to a ping")
	})
}

// A publication that ends when its gateway takes no more tasks is closed all the same.
func TestTheEndOfAGatewayLeavesNoPublication(t *testing.T) {
	inWorld(t, func(w *world) { // which ends only when every goroutine has
		alice := w.dial(0, "10.0.0.1").join("alice")
		reply := alice.ask(Frame{Type: TypePublish, Audio: true, SDP: w.offer(webrtc.RTPTransceiverDirectionSendonly, webrtc.RTPCodecTypeAudio)})
		require.Equal(t, TypeOK, reply.Type, reply.Message)
		go w.gateways[0].tasks.Wait()
		synctest.Wait()
		require.Equal(t, TypeOK, alice.ask(Frame{Type: TypeUnpublish}).Type)
	})
}

func TestResumeTakesTheUserOver(t *testing.T) {
	inWorld(t, func(w *world) {
		bob := w.dial(0, "10.0.0.2").join("bob")
		alice := w.dial(0, "10.0.0.1").join("alice")
		require.Equal(t, TypeUserJoined, bob.next().Type)
		require.Equal(t, TypeUserJoined, alice.next().Type)
		require.Equal(t, TypeOK, alice.ask(Frame{Type: TypePublish, Audio: true,
			SDP: w.offer(webrtc.RTPTransceiverDirectionSendonly, webrtc.RTPCodecTypeAudio)}).Type)
		require.Equal(t, TypeUserPublished, bob.next().Type)

		again := w.dial(1, "10.0.0.1")
		again.resume = alice.resume
		again.join("alice")
		for _, kind := range []string{TypeUserUnpub, TypeUserLeft, TypeUserJoined} {
			require.Equal(t, Frame{Type: kind, UID: "alice"}, bob.next())
		}
		_, _, err := alice.ws.Read(context.Background()) // the rest of the roster, if any, and then the end
		for err == nil {
			_, _, err = alice.ws.Read(context.Background())
		}
		require.Equal(t, TypeUserJoined, again.next().Type)
		require.Equal(t, "resumed", w.seen(EventJoined, "alice")[1].Detail)
		require.Len(t, w.seen(EventLeft, "alice"), 1)
		require.Equal(t, TypeOK, again.ask(Frame{Type: TypeLeave}).Type)
		require.Equal(t, Frame{Type: TypeUserLeft, UID: "alice"}, bob.next())
		require.Len(t, w.seen(EventLeft, "alice"), 2)
		again.join("alice")
	})
}

func TestChosenUIDs(t *testing.T) {
	inWorld(t, func(w *world) {
		w.dial(0, "10.0.0.1").join("1001")
		reply := w.dial(0, "10.0.0.2").ask(Frame{Type: TypeJoin, AppID: "app", Channel: "town-hall"})
		require.Equal(t, "1002", reply.UID)
		reply = w.dial(0, "10.0.0.3").ask(Frame{Type: TypeJoin, AppID: "another app", Channel: "town-hall", UID: "1001"})
		require.Equal(t, TypeOK, reply.Type, "another app's channel is another channel")
	})
}

func TestEncodePadsWhatHasSDP(t *testing.T) {
	require.Len(t, Encode(Frame{Type: TypePublish, SDP: "v=0"}), PadBlock)
	require.Len(t, Encode(Frame{Type: TypePublish, SDP: string(make([]byte, PadBlock))})[:PadBlock], PadBlock)
	require.Less(t, len(Encode(Frame{Type: TypeMessage, Text: "v=0"})), 100)
	var f Frame
	require.NoError(t, json.Unmarshal(Encode(Frame{Type: TypePublish, SDP: "v=0"}), &f))
	require.Equal(t, "v=0", f.SDP)
}

func TestNewSaysWhatIsMissing(t *testing.T) {
	_, err := New(Config{})
	require.ErrorContains(t, err, "needs Net")
	_, err = New(Config{Net: memnet.New().Host(netip.Addr{}), Backbone: NewBackbone(), TLS: &tls.Config{}})
	require.ErrorContains(t, err, "IPv4")
}
