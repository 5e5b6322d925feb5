package world

import (
	"encoding/binary"

	"github.com/pion/stun/v3"

	"github.com/proxyspec/proxyspec/relay"
	"github.com/proxyspec/proxyspec/sim"
	"github.com/proxyspec/proxyspec/sim/firewall"
)

// What a packet carries for a call, by the first byte of its payload (RFC 7983), also inside of TURN.
const (
	CarriesSTUN    = "stun" // a check, or a request of TURN
	CarriesDTLS    = "dtls"
	CarriesRTP     = "rtp"
	CarriesRTCP    = "rtcp"
	CarriesUnknown = "unknown"
)

// carries is what a packet carries; empty for TCP other than TURN, and where there is no payload.
func carries(p *sim.Packet) string {
	switch {
	case p.Proto == firewall.UDP && len(p.Payload) > 0:
		kind, _ := payloadKind(p.Payload)
		return kind
	case p.Proto == firewall.TCP && len(p.TCP.Payload) > 0 && (speaksTURN(p.Src.Port()) || speaksTURN(p.Dst.Port())):
		return streamKind(p.TCP.Payload)
	}
	return ""
}

// speaksTURN tells whether a TCP port is one for TURN, of the relays or of the company's server.
func speaksTURN(port uint16) bool {
	return int(port) >= relay.TCPPorts[0] && int(port) <= relay.TCPPorts[len(relay.TCPPorts)-1] || port == turnPort
}

// streamKind looks at every frame in a segment: RTP if any is. A frame that began in an earlier segment
// isn't recognized; writers send one in a segment of its own.
func streamKind(b []byte) (kind string) {
	for len(b) > 0 {
		one, length := payloadKind(b)
		if kind == "" || one == CarriesRTP {
			kind = one
		}
		if length == 0 || length >= len(b) {
			break
		}
		b = b[length:]
	}
	return kind
}

// payloadKind is what a datagram, or the first frame of a TURN stream, carries, and how long that frame is;
// 0 if that can't be told.
func payloadKind(b []byte) (kind string, length int) {
	const channelHeader = 4
	switch {
	case b[0] < 4 && stun.IsMessage(b):
		length = 20 + int(binary.BigEndian.Uint16(b[2:]))
		if inner := relayedIn(b[:min(length, len(b))]); inner != nil {
			kind, _ := payloadKind(inner)
			return kind, length
		}
		return CarriesSTUN, length
	case b[0] >= 64 && b[0] < 80 && len(b) > channelHeader: // ChannelData: RFC 8656, section 12.4
		n := int(binary.BigEndian.Uint16(b[2:]))
		kind, _ := payloadKind(b[channelHeader:])
		return kind, (channelHeader + n + 3) &^ 3
	case b[0] >= 20 && b[0] < 64:
		return CarriesDTLS, 0
	case b[0] >= 128 && b[0] < 192 && len(b) >= 2:
		if packetType := b[1]; packetType >= 192 && packetType < 224 { // RFC 5761, section 4
			return CarriesRTCP, 0
		}
		return CarriesRTP, 0
	}
	return CarriesUnknown, 0
}

// relayedIn is the data of a Send or Data indication, nil for any other message.
func relayedIn(message []byte) []byte {
	m := &stun.Message{Raw: message}
	if m.Decode() != nil || m.Type.Class != stun.ClassIndication {
		return nil
	}
	data, err := m.Get(stun.AttrData)
	if err != nil || len(data) == 0 {
		return nil
	}
	return data
}
