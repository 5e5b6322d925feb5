package mutant

import (
	"encoding/binary"
	"net"
	"net/netip"
	"slices"

	"github.com/pion/stun/v3"
	"github.com/pion/transport/v3"

	"github.com/proxyspec/proxyspec/relay"
)

// turnRelays break one rule of TURN each: what a relay that isn't ours might do.
var turnRelays = slices.Concat(turnCredentials, turnAllocations, turnPeers)

// turnCredentials are about who may ask, and about what a message is.
var turnCredentials = []Mutant{
	{
		Name: "challenge-without-realm", Breaks: []string{"CP-RLY-01"}, Description: "leaves REALM out of a 401",
		ground: answering(func(_ *turnClient, m *turnMessage) bool {
			if m.code() == 401 {
				m.drop(only(stun.AttrRealm))
			}
			return true
		}),
	},
	{
		Name: "any-password", Breaks: []string{"CP-RLY-02"}, Description: "takes any password for a user's",
		ground: asking(func(_ *turnClient, m *turnMessage) bool {
			if m.signed {
				m.attributes = append([]stun.RawAttribute{optional}, m.attributes...) // so that it is signed anew
			}
			return true
		}),
	},
	{
		Name: "challenge-for-malformed", Breaks: []string{"CP-RLY-03"}, Description: "answers 401 where a credential is missing",
		ground: answering(func(c *turnClient, m *turnMessage) bool {
			q := c.request(m)
			if m.code() == 400 && q.signed && !(q.has(stun.AttrUsername) && q.has(stun.AttrRealm) && q.has(stun.AttrNonce)) {
				m.recode(401)
			}
			return true
		}),
	},
	{
		Name: "any-nonce", Breaks: []string{"CP-RLY-04"}, Description: "takes any NONCE for its own",
		ground: asking(func(c *turnClient, m *turnMessage) bool {
			if m.signed && c.nonce != nil {
				m.set(stun.AttrNonce, c.nonce)
			}
			return true
		}),
	},
	{
		Name: "unsigned-answers", Breaks: []string{"CP-RLY-05"}, Description: "doesn't sign its answers",
		ground: answering(func(_ *turnClient, m *turnMessage) bool {
			m.signed = false
			return true
		}),
	},
	{
		Name: "reads-on", Breaks: []string{"CP-RLY-06"}, Description: "reads what stands behind MESSAGE-INTEGRITY",
		ground: asking(func(_ *turnClient, m *turnMessage) bool {
			m.attributes, m.behind = append(m.attributes, m.behind...), nil
			return true
		}),
	},
	{
		Name: "any-fingerprint", Breaks: []string{"CP-RLY-07"}, Description: "doesn't look at FINGERPRINT",
		ground: asking(func(_ *turnClient, m *turnMessage) bool {
			m.marked = false
			return true
		}),
	},
	{
		Name: "overlooks-the-unknown", Breaks: []string{"CP-RLY-08"}, Description: "overlooks attributes that it would have to understand",
		ground: asking(func(_ *turnClient, m *turnMessage) bool {
			m.drop(func(k stun.AttrType) bool { return k >= 0x7F00 && k < 0x8000 })
			return true
		}),
	},
	{
		Name: "silent-without-allocation", Breaks: []string{"CP-RLY-09"}, Description: "is silent where there is no allocation",
		ground: answering(func(_ *turnClient, m *turnMessage) bool {
			return m.code() != 437 || m.kind.Method == stun.MethodAllocate
		}),
	},
	{
		Name: "challenges-the-other-user", Breaks: []string{"CP-RLY-10"}, Description: "answers another user with 401 in place of 441",
		ground: recoding(441, 401),
	},
}

// turnAllocations are about allocations.
var turnAllocations = []Mutant{
	{
		Name: "silent-to-repetitions", Breaks: []string{"CP-RLY-11"}, Description: "is silent when a request comes again",
		ground: asking(func(c *turnClient, m *turnMessage) bool { return c.asked[m.transaction] == nil }),
	},
	{
		Name: "bad-request-for-second", Breaks: []string{"CP-RLY-11"}, Description: "answers a second Allocate with 400",
		ground: answering(func(_ *turnClient, m *turnMessage) bool {
			if m.code() == 437 && m.kind.Method == stun.MethodAllocate {
				m.recode(400)
			}
			return true
		}),
	},
	{
		Name: "bad-request-for-transport", Breaks: []string{"CP-RLY-12"}, Description: "answers an unsupported transport with 400",
		ground: recoding(442, 400),
	},
	{
		Name: "promises-one-piece", Breaks: []string{"CP-RLY-13"}, Description: "grants DONT-FRAGMENT in Allocate and drops it in Send",
		ground: asking(func(_ *turnClient, m *turnMessage) bool {
			if m.kind.Method == stun.MethodAllocate {
				m.drop(only(stun.AttrDontFragment))
			}
			return true
		}),
	},
	{
		Name: "overlooks-tokens", Breaks: []string{"CP-RLY-14"}, Description: "overlooks RESERVATION-TOKEN",
		ground: asking(func(_ *turnClient, m *turnMessage) bool {
			m.drop(only(stun.AttrReservationToken))
			return true
		}),
	},
	{
		Name: "overlooks-even-port", Breaks: []string{"CP-RLY-15"}, Description: "overlooks EVEN-PORT",
		ground: asking(func(_ *turnClient, m *turnMessage) bool {
			m.drop(only(stun.AttrEvenPort))
			return true
		}),
	},
	{
		Name: "one-family-for-all", Breaks: []string{"CP-RLY-16"}, Description: "gives an IPv4 address to whoever asks for another family",
		ground: asking(func(_ *turnClient, m *turnMessage) bool {
			if m.kind.Method == stun.MethodAllocate {
				m.drop(only(stun.AttrRequestedAddressFamily))
			}
			return true
		}),
	},
	{
		Name: "no-quota", Breaks: []string{"CP-RLY-17"}, Description: "has no quota for a user's allocations",
		ground: cloudProxy(func(cfg *relay.Config) { cfg.Limits.SessionAllocations = -1 }),
	},
	{
		Name: "no-mapped-address", Breaks: []string{"CP-RLY-18"}, Description: "doesn't tell a client its address when it allocates",
		ground: answering(func(_ *turnClient, m *turnMessage) bool {
			if m.kind.Method == stun.MethodAllocate {
				m.drop(only(stun.AttrXORMappedAddress))
			}
			return true
		}),
	},
	{
		Name: "any-lifetime", Breaks: []string{"CP-RLY-19"}, Description: "grants whatever lifetime is asked for",
		ground: answering(func(c *turnClient, m *turnMessage) bool {
			if asked, ok := c.request(m).find(stun.AttrLifetime); ok {
				m.set(stun.AttrLifetime, asked)
			}
			return true
		}),
	},
	{
		Name: "never-deletes", Breaks: []string{"CP-RLY-20"}, Description: "takes Refresh 0 for the default lifetime, and says otherwise",
		ground: func() Ground {
			return turning(func() *turnBox {
				zero := make([]byte, 4)
				return &turnBox{
					up: func(_ *turnClient, m *turnMessage) bool {
						if m.is(stun.MethodRefresh, stun.ClassRequest) {
							m.drop(only(stun.AttrLifetime))
						}
						return true
					},
					down: func(c *turnClient, m *turnMessage) bool {
						if asked, ok := c.request(m).find(stun.AttrLifetime); ok && string(asked) == string(zero) {
							m.set(stun.AttrLifetime, zero)
						}
						return true
					},
				}
			})()
		},
	},
}

// turnPeers are about peers, and what passes to and from them.
var turnPeers = []Mutant{
	{
		Name: "takes-the-first-peer", Breaks: []string{"CP-RLY-21"}, Description: "permits the first of several peers, whatever the others are",
		ground: asking(func(_ *turnClient, m *turnMessage) bool {
			first := true
			m.attributes = slices.DeleteFunc(m.attributes, func(a stun.RawAttribute) bool {
				if m.kind.Method != stun.MethodCreatePermission || a.Type != stun.AttrXORPeerAddress {
					return false
				}
				defer func() { first = false }()
				return !first
			})
			return true
		}),
	},
	{
		Name: "open-to-all", Breaks: []string{"CP-RLY-22"}, Description: "relays to whole networks, not to SD-RTN alone",
		ground: cloudProxy(func(cfg *relay.Config) { cfg.Peers = append(cfg.Peers, netip.MustParsePrefix("0.0.0.0/0")) }),
	},
	{
		Name: "bad-request-for-family", Breaks: []string{"CP-RLY-23"}, Description: "answers a peer of the wrong family with 400",
		ground: recoding(443, 400),
	},
	{
		Name: "permissions-for-ports", Breaks: []string{"CP-RLY-24"}, Description: "permits a port of a peer, not its address",
		ground: asking(func(c *turnClient, m *turnMessage) bool {
			peer, ok := m.find(stun.AttrXORPeerAddress)
			at := turnPeer(m, peer)
			switch {
			case m.is(stun.MethodCreatePermission, stun.ClassRequest), m.is(stun.MethodChannelBind, stun.ClassRequest):
				c.peers[at] = true
			case m.is(stun.MethodSend, stun.ClassIndication):
				return !ok || c.peers[at]
			}
			return true
		}),
	},
	{
		Name: "drops-the-empty", Breaks: []string{"CP-RLY-25"}, Description: "drops a Send with an empty DATA",
		ground: asking(func(_ *turnClient, m *turnMessage) bool {
			data, ok := m.find(stun.AttrData)
			return !ok || len(data) > 0
		}),
	},
	{
		Name: "cuts-packets", Breaks: []string{"CP-RLY-26"}, Description: "cuts a peer's packets to 1,400 bytes",
		ground: func() Ground {
			return Ground{RelayNet: func(n transport.Net) transport.Net { return cuttingNet{n} }}
		},
	},
	{
		Name: "any-channel", Breaks: []string{"CP-RLY-27"}, Description: "binds channels of any number",
		ground: asking(func(_ *turnClient, m *turnMessage) bool {
			if n, ok := m.find(stun.AttrChannelNumber); ok && number(n)>>12 != 4 {
				m.set(stun.AttrChannelNumber, []byte{0x4F, 0xFE, 0, 0})
			}
			return true
		}),
	},
	{
		Name: "rebinds-channels", Breaks: []string{"CP-RLY-28"}, Description: "says that it has bound a channel to a second peer",
		ground: asking(func(c *turnClient, m *turnMessage) bool {
			n, ok := m.find(stun.AttrChannelNumber)
			peer, isPeer := m.find(stun.AttrXORPeerAddress)
			if !ok || !isPeer || !m.is(stun.MethodChannelBind, stun.ClassRequest) {
				return true
			}
			at := turnPeer(m, peer)
			if bound, is := c.channels[number(n)]; is && bound != at {
				m.set(stun.AttrChannelNumber, binary.BigEndian.AppendUint32(nil, uint32(0x4E00+len(c.channels))<<16))
				return true
			}
			c.channels[number(n)] = at
			return true
		}),
	},
	{
		Name: "relays-what-is-there", Breaks: []string{"CP-RLY-29"}, Description: "relays ChannelData that is shorter than it says",
		ground: turning(func() *turnBox {
			return &turnBox{data: func(_ *turnClient, p []byte) []byte {
				if len(p) >= 4 && int(binary.BigEndian.Uint16(p[2:])) > len(p)-4 {
					binary.BigEndian.PutUint16(p[2:], uint16(len(p)-4))
				}
				return p
			}}
		}),
	},
	{
		Name: "any-channel-is-bound", Breaks: []string{"CP-RLY-29"}, Description: "relays ChannelData on an unbound channel to the peer of a bound one",
		ground: turning(func() *turnBox {
			return &turnBox{
				up: func(c *turnClient, m *turnMessage) bool {
					if n, ok := m.find(stun.AttrChannelNumber); ok && len(c.channels) == 0 {
						c.channels[number(n)] = "bound"
					}
					return true
				},
				data: func(c *turnClient, p []byte) []byte {
					for bound := range c.channels {
						if len(p) >= 4 && c.channels[number(p)] == "" {
							binary.BigEndian.PutUint16(p, bound)
						}
					}
					return p
				},
			}
		}),
	},
	{
		Name: "one-message-a-segment", Breaks: []string{"CP-RLY-30"}, Description: "reads one message of each TCP segment and overlooks the rest",
		ground: func() Ground {
			return Ground{RelayNet: func(n transport.Net) transport.Net {
				return streamNet{n, func(c net.Conn) net.Conn { return segmentConn{c} }}
			}}
		},
	},
}

// optional is an attribute that says nothing to anybody (RFC 8489, section 14).
var optional = stun.RawAttribute{Type: 0xFFF2}

func asking(up func(*turnClient, *turnMessage) bool) func() Ground {
	return turning(func() *turnBox { return &turnBox{up: up} })
}

func answering(down func(*turnClient, *turnMessage) bool) func() Ground {
	return turning(func() *turnBox { return &turnBox{down: down} })
}

// recoding answers with one error code in place of another.
func recoding(from, to int) func() Ground {
	return answering(func(_ *turnClient, m *turnMessage) bool {
		if m.code() == from {
			m.recode(to)
		}
		return true
	})
}

// turnPeer is an XOR-PEER-ADDRESS in the clear.
func turnPeer(m *turnMessage, value []byte) string {
	mask := append([]byte{0, 0, 0x21, 0x12, 0x21, 0x12, 0xA4, 0x42}, m.transaction[:]...)
	at := slices.Clone(value)
	for i := range min(len(at), len(mask)) {
		at[i] ^= mask[i]
	}
	return string(at)
}

// cuttingNet is a network whose relayed transport addresses read too little.
type cuttingNet struct{ transport.Net }

func (n cuttingNet) ListenUDP(network string, local *net.UDPAddr) (transport.UDPConn, error) {
	conn, err := n.Net.ListenUDP(network, local)
	if err != nil || local == nil || local.Port < firstRelayed {
		return conn, err
	}
	return cuttingConn{conn}, nil
}

type cuttingConn struct{ transport.UDPConn }

func (c cuttingConn) ReadFrom(p []byte) (int, net.Addr, error) {
	n, from, err := c.UDPConn.ReadFrom(p)
	return min(n, 1400), from, err
}
