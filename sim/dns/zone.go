package dns

import (
	"errors"
	"fmt"
	"net/netip"

	wire "github.com/miekg/dns"
)

// Zone is names and their IPv4 addresses, in the order in which they are answered. A name that has no
// address exists nevertheless. Upper and lower case are the same, and a dot at the end makes no
// difference.
type Zone map[string][]netip.Addr

// canonical copies a zone and writes its names as the protocol does, in lower case.
func (z Zone) canonical() (Zone, error) {
	var errs []error
	out := make(Zone, len(z))
	for name, addrs := range z {
		if !isName(name) {
			errs = append(errs, fmt.Errorf("%q is no domain name", name))
			continue
		}
		c := wire.CanonicalName(name)
		if _, ok := out[c]; ok {
			errs = append(errs, fmt.Errorf("%q is there twice, in another spelling", name))
		}
		for _, a := range addrs {
			if !a.Is4() {
				errs = append(errs, fmt.Errorf("%q: %v is no IPv4 address", name, a))
			}
		}
		out[c] = append([]netip.Addr(nil), addrs...)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("dns zone: %w", err)
	}
	return out, nil
}

func isName(name string) bool {
	_, ok := wire.IsDomainName(name)
	return ok && name != ""
}

// ttl is how long clients may keep an answer: a minute, so that a name that moves is noticed.
const ttl = 60

// The largest answers: over UDP to a client that doesn't say that it takes more (RFC 1035, section
// 4.2.1), over UDP to any (the size that RFC 9715 recommends), and over TCP.
const (
	plainUDP = 512
	mostUDP  = 1400
	mostTCP  = wire.MaxMsgSize
)

// The header of a message (RFC 1035, section 4.1.1): its length, and in its third byte the bit that tells
// answers from questions.
const (
	headerSize  = 12
	responseBit = 0x80
)

// answer is the reply to one message, or nil for silence. It may have at most size bytes; at zero it
// came by UDP, and the client says how much it takes.
func (z Zone) answer(message []byte, size int) []byte {
	if len(message) < headerSize || message[2]&responseBit != 0 {
		return nil // an answer to an answer would never end
	}
	var query wire.Msg
	if err := query.Unpack(message); err != nil {
		return pack(new(wire.Msg).SetRcodeFormatError(&query))
	}
	reply := new(wire.Msg).SetReply(&query)
	reply.RecursionAvailable = true
	reply.Rcode = z.fill(reply, &query)
	if opt := query.IsEdns0(); opt != nil {
		reply.SetEdns0(mostUDP, false)
		if size == 0 {
			size = min(int(opt.UDPSize()), mostUDP)
		}
	}
	if size == 0 {
		size = plainUDP
	}
	reply.Truncate(size)
	return pack(reply)
}

// fill puts the records that were asked for into a reply and says how that went.
func (z Zone) fill(reply, query *wire.Msg) (rcode int) {
	switch {
	case query.Opcode != wire.OpcodeQuery:
		return wire.RcodeNotImplemented
	case len(query.Question) != 1:
		return wire.RcodeFormatError
	case query.Question[0].Qclass != wire.ClassINET:
		return wire.RcodeRefused
	}
	q := query.Question[0]
	addrs, ok := z[wire.CanonicalName(q.Name)]
	if !ok {
		return wire.RcodeNameError
	}
	if q.Qtype != wire.TypeA {
		return wire.RcodeSuccess // the name exists, but has nothing of the kind
	}
	for _, a := range addrs {
		header := wire.RR_Header{Name: q.Name, Rrtype: wire.TypeA, Class: wire.ClassINET, Ttl: ttl}
		reply.Answer = append(reply.Answer, &wire.A{Hdr: header, A: a.AsSlice()})
	}
	return wire.RcodeSuccess
}

func pack(m *wire.Msg) []byte {
	b, err := m.Pack()
	if err != nil {
		return nil // the question can't be repeated, so there is nothing to say
	}
	return b
}
