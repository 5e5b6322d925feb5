package ruleset

import (
	"fmt"

	"github.com/proxyspec/proxyspec/text/tree"
)

// field is something that a packet, or its situation, has.
type field struct {
	exists func(*situation) answer
	dim    dim                             // of a region; or
	equals func(*situation, string) answer // of a situation
	kind   fieldKind

	protocol bool // equals compares protocols
}

type fieldKind uint8

const (
	address fieldKind = iota
	port
	word
	flags // of TCP
	own   // whether an address is this machine's
)

// fieldOf finds what an expression looks at, or says why nobody can tell, of packets that have it.
func fieldOf(n *tree.Node) (f field, doubt string) {
	if p := n.Field("payload"); p != nil {
		return payloadField(p.Field("protocol").Value(), p.Field("field").Value())
	}
	if m := n.Field("meta"); m != nil {
		return metaField(m.Field("key").Value())
	}
	if fib := n.Field("fib"); fib.Field("result").Value() == "type" {
		if only := fib.Field("flags"); only.Value() == "daddr" || only != nil && len(only.Items) == 1 && only.Items[0].Value() == "daddr" {
			return field{kind: own}, ""
		}
	}
	if c := n.Field("ct"); c != nil && c.Field("key").Value() == "state" {
		return field{kind: word, equals: func(s *situation, v string) answer { return is(s.state == v) }}, ""
	}
	what := n.Kind.String()
	if n.Kind == tree.Map && len(n.Keys) > 0 {
		what = n.Keys[0].Text
		if key := n.Items[0].Field("key"); key != nil {
			what += " " + key.Value()
		}
	}
	return field{}, fmt.Sprintf("a match on %q isn't modelled", what)
}

func payloadField(protocol, name string) (field, string) {
	switch protocol + " " + name {
	case "ip saddr":
		return field{exists: isFamily(false), dim: srcAddr}, ""
	case "ip daddr":
		return field{exists: isFamily(false), dim: dstAddr}, ""
	case "ip6 saddr":
		return field{exists: isFamily(true), dim: srcAddr}, ""
	case "ip6 daddr":
		return field{exists: isFamily(true), dim: dstAddr}, ""
	case "ip protocol":
		return field{exists: isFamily(false), kind: word, equals: isProtocol, protocol: true}, ""
	case "ip6 nexthdr":
		return field{exists: isFamily(true), kind: word, equals: isProtocol, protocol: true}, ""
	}
	proto, known := protocols[protocol]
	if known && ported[proto] || protocol == "th" {
		exists := func(s *situation) answer { return is(s.proto == proto || protocol == "th" && ported[s.proto]) }
		switch name {
		case "sport":
			return field{exists: exists, dim: srcPort, kind: port}, ""
		case "dport":
			return field{exists: exists, dim: dstPort, kind: port}, ""
		case "flags":
			return field{exists: exists, kind: flags}, ""
		}
	}
	return field{exists: hasHeader(protocol)}, fmt.Sprintf("a match on %q isn't modelled", protocol+" "+name)
}

// hasHeader tells which packets have a header: the others can't match anything in it. It is nil for one that the model
// doesn't know.
func hasHeader(protocol string) func(*situation) answer {
	switch protocol {
	case "ip":
		return isFamily(false)
	case "ip6":
		return isFamily(true)
	case "th":
		return nil
	}
	if _, known := protocols[protocol]; !known {
		return nil
	}
	return func(s *situation) answer { return isProtocol(s, protocol) }
}

func metaField(key string) (field, string) {
	switch key {
	case "l4proto":
		return field{kind: word, equals: isProtocol, protocol: true}, ""
	case "nfproto":
		return field{kind: word, equals: func(s *situation, v string) answer { return is(v == "ipv6" && s.six || v == "ipv4" && !s.six) }}, ""
	case "protocol":
		return field{kind: word, equals: func(s *situation, v string) answer { return is(v == "ip6" && s.six || v == "ip" && !s.six) }}, ""
	case "iifname", "iif":
		return field{kind: word, equals: func(s *situation, v string) answer { return isInterface(s.in, v) }}, ""
	case "oifname", "oif":
		return field{kind: word, equals: func(s *situation, v string) answer { return isInterface(s.out, v) }}, ""
	}
	return field{}, fmt.Sprintf("a match on \"meta %s\" isn't modelled", key)
}
