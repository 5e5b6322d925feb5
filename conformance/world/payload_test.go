package world

import (
	"net/netip"
	"testing"

	"github.com/pion/stun/v3"
	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/sim"
	"github.com/proxyspec/proxyspec/sim/firewall"
	"github.com/proxyspec/proxyspec/sim/tcp"
)

func TestCarries(t *testing.T) {
	rtp := []byte{0x80, 111, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 7, 7, 7, 7}
	rtcp := []byte{0x80, 203, 0, 1, 0, 0, 0, 1}
	dtls := []byte{22, 0xfe, 0xfd, 0}
	channel := func(data []byte) []byte {
		return append([]byte{0x40, 0x01, 0, byte(len(data))}, data...)
	}
	message := func(kind stun.MessageType, data []byte) []byte {
		setters := []stun.Setter{stun.TransactionID, kind}
		if data != nil {
			setters = append(setters, stun.RawAttribute{Type: stun.AttrData, Value: data})
		}
		m, err := stun.Build(setters...)
		require.NoError(t, err)
		return m.Raw
	}
	send := stun.NewType(stun.MethodSend, stun.ClassIndication)
	for name, c := range map[string]struct {
		payload []byte
		want    string
	}{
		"RTP":                    {rtp, CarriesRTP},
		"RTCP":                   {rtcp, CarriesRTCP},
		"DTLS":                   {dtls, CarriesDTLS},
		"a binding request":      {message(stun.BindingRequest, nil), CarriesSTUN},
		"RTP in a channel":       {channel(rtp), CarriesRTP},
		"RTCP in a channel":      {channel(rtcp), CarriesRTCP},
		"DTLS in a channel":      {channel(dtls), CarriesDTLS},
		"a check in a channel":   {channel(message(stun.BindingRequest, nil)), CarriesSTUN},
		"RTP in an indication":   {message(send, rtp), CarriesRTP},
		"DTLS in an indication":  {message(send, dtls), CarriesDTLS},
		"a binding indication":   {message(stun.NewType(stun.MethodBinding, stun.ClassIndication), nil), CarriesSTUN},
		"something else":         {[]byte{0xff, 1, 2, 3}, CarriesUnknown},
		"a text":                 {[]byte("hello"), CarriesUnknown},
		"STUN without its magic": {[]byte{0, 1, 0, 0, 1, 2, 3, 4}, CarriesUnknown},
	} {
		udp := &sim.Packet{Proto: firewall.UDP, Dst: netip.MustParseAddrPort("192.0.2.1:3478"), Payload: c.payload}
		require.Equal(t, c.want, carries(udp), name)
	}

	segment := func(port uint16, payload []byte) *sim.Packet {
		return &sim.Packet{
			Proto: firewall.TCP, Dst: netip.AddrPortFrom(netip.MustParseAddr("192.0.2.1"), port), TCP: tcp.Segment{Payload: payload}}
	}
	two := append(message(stun.BindingRequest, nil), channel(rtp)...)
	require.Equal(t, CarriesRTP, carries(segment(3433, two)), "the second frame of a segment")
	require.Equal(t, CarriesSTUN, carries(segment(3460, message(stun.BindingRequest, nil))))
	require.Empty(t, carries(segment(443, two)), "TLS looks like anything")
	require.Empty(t, carries(segment(3433, nil)))
}
