package check_test

import (
	"encoding/binary"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/proxyspec/proxyspec/relay/check"
)

// strange is what a server might send in place of an answer.
var strange = []func(b []byte) []byte{
	func([]byte) []byte { return nil },
	func(b []byte) []byte { return b[:len(b)/2] },
	func(b []byte) []byte { return bare(b, succeeding) },
	func(b []byte) []byte { return bare(b, failing) },
	func(b []byte) []byte { return bare(b, indication) },
	func(b []byte) []byte { // attributes without a value
		return append(bare(b, succeeding, relayedAt, mappedAt, life, realmIs, nonceIs, reserved, data, peerAt), 0x40, 0, 0, 1)[:20+8*4]
	},
	func(b []byte) []byte { return bare(b, failing, errorCode, unknownAttributes, realmIs, nonceIs) },
}

// bare is a message of another class with empty attributes.
func bare(b []byte, class uint16, attributes ...uint16) []byte {
	if len(b) < 20 {
		return b
	}
	m := binary.BigEndian.AppendUint16(nil, binary.BigEndian.Uint16(b)&^failing|class)
	m = append(binary.BigEndian.AppendUint16(m, uint16(4*len(attributes))), b[4:20]...)
	for _, kind := range attributes {
		m = binary.BigEndian.AppendUint32(m, uint32(kind)<<16)
	}
	return m
}

// Whatever a server sends, a row comes to an end, and isn't broken by it.
func TestNoAnswerIsTooStrange(t *testing.T) {
	to := startSound(t).target(t, "udp")
	conn, err := to.Dial()
	assert.NoError(t, err)
	server := conn.RemoteAddr().String()
	to.Answer, to.Quiet = 20*time.Millisecond, 2*time.Millisecond

	var running sync.WaitGroup
	room := make(chan struct{}, 32) // which mostly wait
	for i, row := range check.Rows() {
		if !row.Fits(to) {
			continue
		}
		for from := range 5 {
			room <- struct{}{}
			running.Go(func() {
				defer func() { <-room }()
				f := newFront(t, server, 1, 1<<30)
				spoil := strange[(i+from)%len(strange)]
				f.spoil = func(answer int, b []byte) []byte {
					if answer <= from {
						return b
					}
					return spoil(b)
				}
				to := to
				to.Dial = func() (net.Conn, error) { return net.Dial("udp4", f.socket.LocalAddr().String()) }
				r := row.Run(to)
				assert.NotEqual(t, check.Broken, r.Outcome, "%v", r)
			})
		}
	}
	running.Wait()
}
