package ruleset

import (
	"fmt"
	"strconv"

	"github.com/proxyspec/proxyspec/text/tree"
)

// protocols are the names of nft and of Debian's /etc/protocols, which iptables and nft print.
var protocols = map[string]uint8{
	"hopopt": 0, "icmp": 1, "igmp": 2, "ggp": 3, "ipencap": 4, "st": 5, "tcp": 6, "egp": 8, "igp": 9, "pup": 12, "udp": 17,
	"hmp": 20, "xns-idp": 22, "rdp": 27, "iso-tp4": 29, "dccp": 33, "xtp": 36, "ddp": 37, "idpr-cmtp": 38, "ipv6": 41,
	"ipv6-route": 43, "ipv6-frag": 44, "idrp": 45, "rsvp": 46, "gre": 47, "esp": 50, "ah": 51, "skip": 57, "ipv6-icmp": 58,
	"icmpv6": 58, "ipv6-nonxt": 59, "ipv6-opts": 60, "rspf": 73, "vmtp": 81, "eigrp": 88, "ospf": 89, "ax.25": 93, "ipip": 94,
	"etherip": 97, "encap": 98, "pim": 103, "ipcomp": 108, "comp": 108, "vrrp": 112, "l2tp": 115, "isis": 124, "sctp": 132,
	"fc": 133, "mobility-header": 135, "ipv6-mh": 135, "udplite": 136, "mpls-in-ip": 137, "manet": 138, "hip": 139, "shim6": 140,
	"wesp": 141, "rohc": 142, "ethernet": 143,
}

// ported are the protocols with ports where TCP has them.
var ported = map[uint8]bool{protocols["tcp"]: true, protocols["udp"]: true, protocols["dccp"]: true, protocols["sctp"]: true, protocols["udplite"]: true}

func protocolNumber(text string) (uint8, bool) {
	if n, ok := protocols[text]; ok {
		return n, true
	}
	n, err := strconv.ParseUint(text, 10, 8)
	return uint8(n), err == nil
}

// isProtocol compares a packet's protocol with a name. One that isn't known here may be any that has no name here.
func isProtocol(s *situation, v string) answer {
	if n, ok := protocolNumber(v); ok {
		return is(n == s.proto)
	}
	for _, n := range protocols {
		if n == s.proto {
			return no
		}
	}
	return maybe
}

// unsure is why nobody can tell whether a field has a value, if it is for want of more than an interface.
func (f field) unsure(want string) string {
	if _, known := protocolNumber(want); f.protocol && !known {
		return unknownProtocol(want)
	}
	return ""
}

func unknownProtocol(name string) string {
	return fmt.Sprintf("the protocol %q isn't known here: write its number in the rule", name)
}

// noteProtocols remembers the protocols that rules name, so that "every other protocol" can be tried by one that
// none of them does.
func (s *statements) noteProtocols(fields []field, values []*tree.Node) {
	for i, f := range fields {
		if !f.protocol {
			continue
		}
		for _, v := range values {
			if joined := v.Field("concat"); joined != nil && i < len(joined.Items) {
				v = joined.Items[i]
			}
			if n, ok := protocolNumber(v.Value()); ok {
				s.rs.protos[n] = true
			}
		}
	}
}

// noteHeader remembers the protocol in whose header a rule looks.
func (s *statements) noteHeader(n *tree.Node) {
	if proto, known := protocols[n.Field("payload").Field("protocol").Value()]; known {
		s.rs.protos[proto] = true
	}
}
