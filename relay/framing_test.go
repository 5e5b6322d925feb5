package relay

import (
	"io"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/relay/turn"
)

// pieces is a connection that gives what it has in pieces of these sizes, over and over.
type pieces struct {
	net.Conn
	data  []byte
	sizes []byte
	next  int
}

func (p *pieces) Read(b []byte) (int, error) {
	if len(p.data) == 0 {
		return 0, io.EOF
	}
	n := len(p.data)
	if len(p.sizes) > 0 {
		n = min(n, 1+int(p.sizes[p.next%len(p.sizes)]))
		p.next++
	}
	n = copy(b, p.data[:n])
	p.data = p.data[n:]
	return n, nil
}

func (p *pieces) SetReadDeadline(time.Time) error { return nil }

// FuzzStream reads a stream in pieces of any size: the messages are those that it has as a whole, of an owner and of a
// stranger, whose messages are short.
func FuzzStream(f *testing.F) {
	binding := []byte{0, 1, 0, 0, 0x21, 0x12, 0xA4, 0x42, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}
	data := []byte{0x40, 0, 0, 5, 1, 2, 3, 4, 5, 0, 0, 0}
	f.Add(append(append([]byte{}, binding...), data...), []byte{0})
	f.Add(append(append([]byte{}, data...), data...), []byte{2, 6, 1})
	f.Add(append(append([]byte{0x40, 0, 0x20, 0}, make([]byte, 0x2000)...), binding...), []byte{255})
	f.Add([]byte{0x40, 0, 0, 1, 1, 0, 0, 0, 0x80}, []byte{})
	f.Fuzz(func(t *testing.T, all, sizes []byte) {
		for _, known := range []bool{true, false} {
			read := func(sizes []byte) (messages []string) {
				c := &stream{conn: &pieces{data: all, sizes: sizes}}
				c.known.Store(known)
				c.read(func(m []byte) { messages = append(messages, string(m)) })
				return messages
			}
			// As a group does, which looks at the messages when it has all of them.
			take := func() (messages []string) {
				in, piece := &pieces{data: all, sizes: sizes}, make([]byte, 256)
				c := &stream{}
				c.known.Store(known)
				for {
					n, err := in.Read(piece)
					var cut [][]byte
					lost := c.take(piece[:n], func(m []byte) { cut = append(cut, m) })
					for _, m := range cut {
						messages = append(messages, string(m))
					}
					if lost != nil || err != nil {
						return messages
					}
				}
			}
			whole := read(nil)
			require.Equal(t, whole, read(sizes))
			require.Equal(t, whole, take())
			at := 0
			for _, m := range whole {
				require.Equal(t, string(all[at:at+len(m)]), m)
				length, err := turn.Frame([]byte(m))
				require.NoError(t, err)
				require.Equal(t, length, len(m))
				require.True(t, known || length <= strangerFrame)
				at += len(m)
			}
		}
	})
}
