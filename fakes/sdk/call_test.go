package sdk_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/conformance/contract"
	"github.com/proxyspec/proxyspec/fakes/sdrtn"
)

func TestDirectCall(t *testing.T) {
	l := newLab(t, 2)
	alice := l.user(nil)
	l.endpoints.Gateways = []string{l.endpoints.Gateways[1], l.endpoints.Gateways[0]}
	bob := l.user(nil)
	require.Equal(t, "alice", alice.join("town-hall", "alice"))
	require.Equal(t, "1001", bob.join("town-hall", ""))
	alice.await(1, eventOf(contract.EventUserJoined, "1001"))
	bob.await(1, eventOf(contract.EventUserJoined, "alice"))

	for i := range 20 {
		alice.call(contract.MethodSend, contract.Send{Client: alice.client, Text: fmt.Sprint(i)}, nil)
	}
	bob.await(20, eventOf(contract.EventMessage, "alice"))

	alice.call(contract.MethodPublish, contract.Publish{Client: alice.client, Audio: true, Video: true}, nil)
	bob.await(1, eventOf(contract.EventPublished, "alice"))
	bob.call(contract.MethodSubscribe, contract.Subscribe{Client: bob.client, UID: "alice", Audio: true, Video: true}, nil)
	l.await(func(e sdrtn.Event) bool { return e.Name == sdrtn.EventMediaFirst && e.Kind == "video" })
	var got contract.Stats
	for got.Received["alice"].Video.Frames < 5 {
		bob.call(contract.MethodStats, bob.me(), &got)
	}
	alice.call(contract.MethodLeave, alice.me(), nil)
	bob.await(1, eventOf(contract.EventUserLeft, "alice"))
	in := l.await(func(e sdrtn.Event) bool { return e.Name == sdrtn.EventMediaIn && e.Kind == "video" })
	out := l.await(func(e sdrtn.Event) bool { return e.Name == sdrtn.EventMediaOut && e.Kind == "video" })
	var sent contract.Stats
	alice.call(contract.MethodStats, alice.me(), &sent)
	bob.call(contract.MethodStats, bob.me(), &got)
	require.Equal(t, sent.Sent.Video, contract.TrackStats{Packets: in.Packets, Bytes: in.Bytes, Frames: in.Frames, Digest: in.Digest})
	require.Equal(t, got.Received["alice"].Video, contract.TrackStats{Packets: out.Packets, Bytes: out.Bytes, Frames: out.Frames, Digest: out.Digest})
	bob.call(contract.MethodLeave, bob.me(), nil)
}
