//go:build linux

package main

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"time"

	"github.com/pion/stun/v3"

	"github.com/proxyspec/proxyspec/relay/batch"
	"github.com/proxyspec/proxyspec/relay/turn"
)

var (
	peerAddr = netip.MustParseAddr("127.0.0.3")
	// clientAddr is the clients' of one crowd. The next crowd has another: a server remembers 5-tuples for minutes.
	clientAddr = netip.MustParseAddr("127.0.1.0")
)

// ourPassword is the credential of our relay for ourUser.
func ourPassword() string {
	h := hmac.New(sha1.New, []byte(secret))
	h.Write([]byte(ourUser))
	return base64.StdEncoding.EncodeToString(h.Sum(nil))
}

// exchange sends a request and is its answer.
type exchange func(request []byte) (answer []byte, err error)

// repeatAfter is when a request goes again: one datagram of thousands may get lost.
const repeatAfter = time.Second

// overUDP exchanges through a socket that nobody else reads yet.
func overUDP(g *batch.Group, s *batch.Socket, server netip.AddrPort) exchange {
	return func(request []byte) ([]byte, error) {
		send := func() {
			var w batch.Writer
			w.Add(s, request, server, 0)
			w.Flush(func(int) {})
		}
		send()
		again := time.AfterFunc(repeatAfter, send)
		defer again.Stop()
		for {
			datagrams, err := g.Read()
			if err != nil {
				return nil, errors.New("no answer in time")
			}
			for _, d := range datagrams {
				if d.Socket == s && answers(d.Payload, request) {
					return slices.Clone(d.Payload), nil
				}
			}
		}
	}
}

// answers tells whether two messages are of one transaction.
func answers(answer, request []byte) bool {
	return len(answer) >= 20 && bytes.Equal(answer[4:20], request[4:20])
}

func overTCP(conn net.Conn) exchange {
	buf := make([]byte, 2048)
	return func(request []byte) ([]byte, error) {
		if _, err := conn.Write(request); err != nil {
			return nil, err
		}
		for n := 0; ; {
			m, err := conn.Read(buf[n:])
			if err != nil {
				return nil, err
			}
			n += m
			if length, err := turn.Frame(buf[:n]); err != nil || length > 0 && length <= n {
				return slices.Clone(buf[:n]), err
			}
		}
	}
}

// allocate makes an allocation, with a permission for the peers and, if it is to have one, a channel to peer.
func allocate(ask exchange, user, password string, peer netip.AddrPort, channel uint16) error {
	request := func(method stun.Method, attributes ...stun.Setter) (*stun.Message, error) {
		m := stun.MustBuild(append([]stun.Setter{stun.TransactionID, stun.NewType(method, stun.ClassRequest)}, attributes...)...)
		raw, err := ask(m.Raw)
		if err != nil {
			return nil, err
		}
		answer := &stun.Message{Raw: raw}
		return answer, answer.Decode()
	}
	udp := stun.RawAttribute{Type: stun.AttrRequestedTransport, Value: []byte{17, 0, 0, 0}}
	challenge, err := request(stun.MethodAllocate, udp)
	if err != nil {
		return err
	}
	var nonce stun.Nonce
	if err := nonce.GetFrom(challenge); err != nil {
		return fmt.Errorf("a challenge without a nonce: %w", err)
	}
	signed := []stun.Setter{stun.NewUsername(user), stun.NewRealm(realm), nonce, stun.NewLongTermIntegrity(user, realm, password)}
	at := stun.RawAttribute{Type: stun.AttrXORPeerAddress, Value: xorAddress(peer)}
	steps := []struct {
		method     stun.Method
		attributes []stun.Setter
	}{{stun.MethodAllocate, []stun.Setter{udp}}, {stun.MethodCreatePermission, []stun.Setter{at}}}
	if channel != 0 {
		steps = append(steps, struct {
			method     stun.Method
			attributes []stun.Setter
		}{stun.MethodChannelBind, []stun.Setter{
			stun.RawAttribute{Type: stun.AttrChannelNumber, Value: binary.BigEndian.AppendUint32(nil, uint32(channel)<<16)}, at}})
	}
	for _, step := range steps {
		answer, err := request(step.method, append(step.attributes, signed...)...)
		if err != nil {
			return err
		}
		if answer.Type.Class != stun.ClassSuccessResponse {
			var code stun.ErrorCodeAttribute
			_ = code.GetFrom(answer)
			return fmt.Errorf("%v: %v", step.method, code)
		}
	}
	return nil
}

func xorAddress(at netip.AddrPort) []byte {
	ip := at.Addr().As4()
	b := binary.BigEndian.AppendUint16([]byte{0, 1}, at.Port()^0x2112)
	return binary.BigEndian.AppendUint32(b, binary.BigEndian.Uint32(ip[:])^0x2112A442)
}

// frame is a packet to a peer as the server takes it: ChannelData, or a Send indication if channel is 0. The
// payload is its last bytes.
func frame(channel uint16, peer netip.AddrPort, size int) []byte {
	if channel != 0 {
		b := binary.BigEndian.AppendUint16(nil, channel)
		return append(binary.BigEndian.AppendUint16(b, uint16(size)), make([]byte, size)...)
	}
	return stun.MustBuild(stun.TransactionID, stun.NewType(stun.MethodSend, stun.ClassIndication),
		stun.RawAttribute{Type: stun.AttrXORPeerAddress, Value: xorAddress(peer)},
		stun.RawAttribute{Type: stun.AttrData, Value: make([]byte, size)}).Raw
}

// stamp writes the time into the last bytes of a packet, and age reads it.
func stamp(packet []byte) {
	binary.BigEndian.PutUint64(packet[len(packet)-8:], uint64(time.Now().UnixNano()))
}

func age(packet []byte) time.Duration {
	return time.Duration(time.Now().UnixNano() - int64(binary.BigEndian.Uint64(packet[len(packet)-8:])))
}
