package dns

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"time"

	wire "github.com/miekg/dns"
)

// Zone is names and what is known of each. Upper and lower case are the same, and a dot at the end makes
// no difference.
type Zone map[string]Record

// Record is what a server knows of a name. The zero value is a name that exists and has no address.
type Record struct {
	Addrs []netip.Addr // of both versions of IP, in the order in which they are answered
	// Alias is the name that this one stands for (CNAME). A name with one has no addresses of its own.
	Alias string
	TTL   time.Duration // how long clients may keep it; default a minute, so that a name that moves is noticed
	Fault Fault         // what goes wrong when the name is asked for
}

// At is the record of a name with addresses.
func At(addrs ...netip.Addr) Record { return Record{Addrs: addrs} }

// Fault is how a server fails to answer for a name.
type Fault uint8

const (
	NoFault Fault = iota
	ServFail
	Silence // the question is dropped
)

const standardTTL = time.Minute

// canonical copies a zone and writes its names as the protocol does, in lower case.
func (z Zone) canonical() (Zone, error) {
	var errs []error
	out := make(Zone, len(z))
	for name, r := range z {
		if !isName(name) {
			errs = append(errs, fmt.Errorf("%q is no domain name", name))
			continue
		}
		c := wire.CanonicalName(name)
		if _, ok := out[c]; ok {
			errs = append(errs, fmt.Errorf("%q is there twice, in another spelling", name))
		}
		errs = append(errs, r.check(name))
		r.Addrs = slices.Clone(r.Addrs)
		if r.Alias != "" {
			r.Alias = wire.CanonicalName(r.Alias)
		}
		if r.TTL == 0 {
			r.TTL = standardTTL
		}
		out[c] = r
	}
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("dns zone: %w", err)
	}
	out.addParents()
	return out, nil
}

// addParents adds what is above the zone's names: a name with others below it exists, and has nothing of its own (RFC 8020).
func (z Zone) addParents() {
	for _, name := range slices.Collect(maps.Keys(z)) {
		for name != "." {
			next, end := wire.NextLabel(name, 0)
			if name = name[next:]; end {
				name = "."
			}
			if _, ok := z[name]; !ok {
				z[name] = Record{}
			}
		}
	}
}

func (r Record) check(name string) error {
	var errs []error
	for _, a := range r.Addrs {
		if !a.IsValid() || a.Is4In6() || a.Zone() != "" {
			errs = append(errs, fmt.Errorf("%q: %v is neither an IPv4 nor an IPv6 address", name, a))
		}
	}
	if r.Alias != "" && len(r.Addrs) > 0 {
		errs = append(errs, fmt.Errorf("%q is an alias and has addresses too: leave one away (RFC 2181, section 10.1)", name))
	}
	if r.Alias != "" && !isName(r.Alias) {
		errs = append(errs, fmt.Errorf("%q stands for %q, which is no domain name", name, r.Alias))
	}
	if r.TTL < 0 || r.TTL > 1<<31*time.Second-1 {
		errs = append(errs, fmt.Errorf("%q: a TTL of %v can't be sent", name, r.TTL))
	}
	return errors.Join(errs...)
}

func isName(name string) bool {
	_, ok := wire.IsDomainName(name)
	return ok && name != ""
}

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
	var silent bool
	if reply.Rcode, silent = z.fill(reply, &query); silent {
		return nil
	}
	if opt := query.IsEdns0(); opt != nil {
		reply.SetEdns0(mostUDP, false)
		if opt.Version() != 0 {
			reply.Answer, reply.Rcode = nil, wire.RcodeBadVers // RFC 6891, 6.1.3
		}
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

// fill puts the records that were asked for into a reply and says how that went, or that there shall be no
// reply.
func (z Zone) fill(reply, query *wire.Msg) (rcode int, silent bool) {
	switch {
	case query.Opcode != wire.OpcodeQuery:
		return wire.RcodeNotImplemented, false
	case len(query.Question) != 1:
		return wire.RcodeFormatError, false
	case query.Question[0].Qclass != wire.ClassINET:
		return wire.RcodeRefused, false
	}
	q := query.Question[0]
	name := q.Name
	for range mostAliases {
		r, ok := z[wire.CanonicalName(name)]
		switch {
		case !ok:
			return wire.RcodeNameError, false // also at the end of a chain (RFC 6604)
		case r.Fault == Silence:
			return 0, true
		case r.Fault == ServFail:
			reply.Answer = nil
			return wire.RcodeServerFailure, false
		}
		header := wire.RR_Header{Name: name, Class: wire.ClassINET, Ttl: uint32(r.TTL / time.Second)}
		if r.Alias == "" || q.Qtype == wire.TypeCNAME {
			reply.Answer = append(reply.Answer, r.answers(header, q.Qtype)...)
			return wire.RcodeSuccess, false
		}
		header.Rrtype = wire.TypeCNAME
		reply.Answer = append(reply.Answer, &wire.CNAME{Hdr: header, Target: r.Alias})
		name = r.Alias
	}
	reply.Answer = nil
	return wire.RcodeServerFailure, false // the aliases go round in a circle, or on for ever
}

// mostAliases is how long a chain of aliases may be, at the server and at the resolver.
const mostAliases = 8

// answers is the records of a type; none: the name exists, but has nothing of the kind.
func (r Record) answers(header wire.RR_Header, kind uint16) (out []wire.RR) {
	header.Rrtype = kind
	if kind == wire.TypeCNAME && r.Alias != "" {
		return []wire.RR{&wire.CNAME{Hdr: header, Target: r.Alias}}
	}
	for _, a := range r.Addrs {
		switch {
		case kind == wire.TypeA && a.Is4():
			out = append(out, &wire.A{Hdr: header, A: a.AsSlice()})
		case kind == wire.TypeAAAA && a.Is6():
			out = append(out, &wire.AAAA{Hdr: header, AAAA: a.AsSlice()})
		}
	}
	return out
}

func pack(m *wire.Msg) []byte {
	b, err := m.Pack()
	if err != nil {
		return nil // the question can't be repeated, so there is nothing to say
	}
	return b
}
