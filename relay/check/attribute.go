package check

import (
	"encoding/binary"
	"net/netip"

	"github.com/pion/stun/v3"
)

// Protocols of REQUESTED-TRANSPORT, and the ends of the channel range (RFC 8656, sections 18.7 and 12).
const (
	udp          = 17
	firstChannel = 0x4000
	lastChannel  = 0x4FFF
)

// Attributes that pion/stun doesn't name, and some that nobody does.
const (
	attrAdditionalFamily stun.AttrType = 0x8000
	attrAddressErrorCode stun.AttrType = 0x8001
	attrUnknown          stun.AttrType = 0x7FF1 // comprehension-required, unassigned
	attrUnknown2         stun.AttrType = 0x7FF2
	attrOptional         stun.AttrType = 0xFFF1 // comprehension-optional, unassigned
)

const (
	ipv4 = 0x01
	ipv6 = 0x02
)

// dynamicPort is of a peer that nobody has: a server may refuse lower ones, and ports aren't what rows with it are about.
const dynamicPort = 50009

func raw(kind stun.AttrType, value []byte) stun.Setter {
	return stun.RawAttribute{Type: kind, Value: value}
}
func text(kind stun.AttrType, value string) stun.Setter { return raw(kind, []byte(value)) }

func requestedTransport(protocol byte) stun.Setter {
	return raw(stun.AttrRequestedTransport, []byte{protocol, 0, 0, 0})
}

func lifetime(seconds uint32) stun.Setter {
	return raw(stun.AttrLifetime, binary.BigEndian.AppendUint32(nil, seconds))
}

func channelNumber(n uint16) stun.Setter {
	return raw(stun.AttrChannelNumber, binary.BigEndian.AppendUint32(nil, uint32(n)<<16))
}

func family(kind stun.AttrType, f byte) stun.Setter { return raw(kind, []byte{f, 0, 0, 0}) }

func requestedFamily(f byte) stun.Setter { return family(stun.AttrRequestedAddressFamily, f) }

func evenPort(reserve bool) stun.Setter {
	if reserve {
		return raw(stun.AttrEvenPort, []byte{0x80})
	}
	return raw(stun.AttrEvenPort, []byte{0})
}

func token(b []byte) stun.Setter { return raw(stun.AttrReservationToken, b) }

// peerAddress is XOR-PEER-ADDRESS, in the family that the address is written in: ::ffff:192.0.2.1 is IPv6.
type peerAddress netip.AddrPort

// AddTo implements stun.Setter.
func (p peerAddress) AddTo(m *stun.Message) error {
	at := netip.AddrPort(p)
	f := byte(ipv6)
	if at.Addr().Is4() {
		f = ipv4
	}
	value := binary.BigEndian.AppendUint16([]byte{0, f}, at.Port()^0x2112)
	for i, b := range at.Addr().AsSlice() {
		value = append(value, b^m.Raw[4+i])
	}
	m.Add(stun.AttrXORPeerAddress, value)
	return nil
}

// xorAddress reads an attribute that is made as XOR-MAPPED-ADDRESS is (RFC 8489, section 14.2).
func xorAddress(m *stun.Message, kind stun.AttrType) (netip.AddrPort, bool) {
	value, err := m.Get(kind)
	if err != nil || len(value) != 8 && len(value) != 20 {
		return netip.AddrPort{}, false
	}
	ip := make([]byte, len(value)-4)
	for i := range ip {
		ip[i] = value[4+i] ^ m.Raw[4+i]
	}
	addr, _ := netip.AddrFromSlice(ip)
	return netip.AddrPortFrom(addr, binary.BigEndian.Uint16(value[2:])^0x2112), true
}

// channelData is a ChannelData message, padded if it is for a stream.
func channelData(n uint16, payload []byte, stream bool) []byte {
	b := binary.BigEndian.AppendUint16(nil, n)
	b = binary.BigEndian.AppendUint16(b, uint16(len(payload)))
	b = append(b, payload...)
	for stream && len(b)%4 != 0 {
		b = append(b, 0)
	}
	return b
}

// pattern is a payload that shows when bytes are lost, added or moved.
func pattern(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i*7 + i>>8 + 1)
	}
	return b
}
