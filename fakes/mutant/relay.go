package mutant

import (
	"bytes"
	"encoding/json"
	"net"

	"github.com/pion/transport/v3"

	"github.com/proxyspec/proxyspec/fakes/sdrtn"
	"github.com/proxyspec/proxyspec/relay"
)

// relays pass something else on than what they got.
var relays = []Mutant{
	{
		Name: "loses-one-in-a-thousand", Breaks: []string{"CP-FLOW-06"},
		Description: "loses one message in a thousand on the way to SD-RTN",
		ground:      relaying(losing(1000)),
	},
	{
		Name: "doubles-messages", Breaks: []string{"CP-FLOW-06"},
		Description: "passes every message on twice",
		ground: relaying(func() treatment {
			return func(message []byte) [][]byte { return [][]byte{message, message} }
		}),
	},
	{
		Name: "swaps-messages", Breaks: []string{"CP-FLOW-06"},
		Description: "gives each message the text of the one before",
		ground: relaying(func() treatment {
			before := ""
			return rewriting(func(text string) string {
				text, before = before, text
				return text
			})
		}),
	},
	{
		Name: "messages-in-latin", Breaks: []string{"CP-FLOW-06"},
		Description: "takes messages for ISO 8859-1 and passes them on in UTF-8",
		ground: relaying(func() treatment {
			return rewriting(func(text string) string {
				var utf8 []rune
				for _, b := range []byte(text) {
					utf8 = append(utf8, rune(b))
				}
				return string(utf8)
			})
		}),
	},
	{
		Name: "loses-media-up", Breaks: []string{"CP-FLOW-06"},
		Description: "loses one media packet in a hundred on the way to SD-RTN",
		ground:      losingMedia(up),
	},
	{
		Name: "loses-media-down", Breaks: []string{"CP-FLOW-06"},
		Description: "loses one media packet in a hundred on the way to the client",
		ground:      losingMedia(down),
	},
}

// relaying makes relays that treat what clients send.
func relaying(make func() treatment) func() Ground {
	return cloudProxy(func(cfg *relay.Config) { cfg.Wrap = tapped(treated(make)) })
}

// isMessage tells messages of users from everything else that clients send to SD-RTN.
var isMessage = []byte(`"type":"` + sdrtn.TypeMessage + `"`)

// losing loses one message in n.
func losing(n int) func() treatment {
	return func() treatment {
		count := 0
		return func(message []byte) [][]byte {
			if bytes.Contains(message, isMessage) {
				if count++; count%n == 0 {
					return nil
				}
			}
			return [][]byte{message}
		}
	}
}

// rewriting changes the texts of messages.
func rewriting(change func(string) string) treatment {
	return func(message []byte) [][]byte {
		var f sdrtn.Frame
		if bytes.Contains(message, isMessage) && json.Unmarshal(message, &f) == nil {
			f.Text = change(f.Text)
			message = sdrtn.Encode(f)
		}
		return [][]byte{message}
	}
}

// The ways of media through a relay.
const (
	up   = "to SD-RTN"
	down = "to the client"
)

// losingMedia makes relays that lose one media packet in a hundred one way.
func losingMedia(way string) func() Ground {
	return func() Ground {
		return Ground{RelayNet: func(n transport.Net) transport.Net { return lossyNet{n, way} }}
	}
}

// lossyNet is a network whose relayed transport addresses lose packets.
type lossyNet struct {
	transport.Net
	way string
}

// firstRelayed is the first port of relayed transport addresses (RFC 8656, section 7.2).
const firstRelayed = 49152

func (n lossyNet) ListenUDP(network string, local *net.UDPAddr) (transport.UDPConn, error) {
	conn, err := n.Net.ListenUDP(network, local)
	if err != nil || local == nil || local.Port < firstRelayed {
		return conn, err
	}
	return &lossyConn{UDPConn: conn, way: n.way}, nil
}

type lossyConn struct {
	transport.UDPConn
	way  string
	seen int // media packets that way; one goroutine counts them
}

// isMedia tells RTP and RTCP from STUN and DTLS, which come again when they are lost (RFC 7983, section 7).
func isMedia(p []byte) bool { return len(p) > 0 && p[0] >= 128 && p[0] <= 191 }

func (c *lossyConn) WriteTo(p []byte, to net.Addr) (int, error) {
	if c.way == up && c.loses(p) {
		return len(p), nil
	}
	return c.UDPConn.WriteTo(p, to)
}

func (c *lossyConn) ReadFrom(p []byte) (int, net.Addr, error) {
	for {
		n, from, err := c.UDPConn.ReadFrom(p)
		if err != nil || c.way != down || !c.loses(p[:n]) {
			return n, from, err
		}
	}
}

func (c *lossyConn) loses(p []byte) bool {
	if !isMedia(p) {
		return false
	}
	c.seen++
	return c.seen%100 == 0
}
