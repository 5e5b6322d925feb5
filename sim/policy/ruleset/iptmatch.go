package ruleset

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/proxyspec/proxyspec/sim/firewall"
)

// ruleReader reads the options of one rule.
type ruleReader struct {
	*iptablesReader
	words   []wordAt
	rule    rule
	negated bool
	action  *action
	comment string
	foreign bool   // the options are the target's, until the next -m
	doubts  []test // of modules that match by themselves, or by options that stand behind a target
}

// spoken are the modules that match nothing but what their options say, or, as -m icmp, what -p has said.
var spoken = map[string]bool{
	"addrtype": true, "comment": true, "conntrack": true, "iprange": true, "multiport": true, "state": true,
	"tcp": true, "udp": true, "sctp": true, "dccp": true, "icmp": true, "icmp6": true, "ipv6-icmp": true,
}

func (r *iptablesReader) rule(c *chain, words []wordAt) error {
	o := ruleReader{iptablesReader: r, words: words}
	for len(o.words) > 0 {
		if err := o.option(); err != nil {
			return err
		}
	}
	if o.action == nil {
		return nil // it counts packets
	}
	o.rule.name = fmt.Sprintf("the rule on line %d", r.line)
	if o.comment != "" {
		o.rule.name += fmt.Sprintf(" (%q)", o.comment)
	}
	o.rule.tests = append(o.rule.tests, o.doubts...) // last: an option says more than its module does
	o.rule.action = *o.action
	c.rules = append(c.rules, o.rule)
	return nil
}

// next takes a word off the line.
func (o *ruleReader) next() wordAt {
	w := o.words[0]
	o.words = o.words[1:]
	return w
}

// value takes the word after an option.
func (o *ruleReader) value(option wordAt) (wordAt, error) {
	if len(o.words) == 0 {
		return wordAt{}, o.wrong(option.column, "%s needs a value", option.text)
	}
	return o.next(), nil
}

func (o *ruleReader) add(t test) {
	t.negated = t.negated != o.negated
	o.rule.tests = append(o.rule.tests, t)
	o.negated = false
}

// option reads one option with its values.
func (o *ruleReader) option() error {
	w := o.next()
	var read func(wordAt) error
	switch w.text {
	case "!":
		o.negated = true
		return nil
	case "-f", "--fragment":
		o.add(test{}) // it asks for the further fragments of a packet, and a packet isn't one
		return nil
	case "--syn":
		o.add(tcpFlagTest(1|2|4|16, 2, false))
		return nil
	case "--tcp-flags":
		return o.tcpFlags(w)
	case "-s", "--source":
		read = o.address(srcAddr)
	case "-d", "--destination":
		read = o.address(dstAddr)
	case "--src-range":
		read = o.addressRange(srcAddr)
	case "--dst-range":
		read = o.addressRange(dstAddr)
	case "--sport", "--source-port", "--sports", "--source-ports":
		read = o.ports(srcPort)
	case "--dport", "--destination-port", "--dports", "--destination-ports":
		read = o.ports(dstPort)
	case "-p", "--protocol":
		read = o.protocol
	case "-i", "--in-interface":
		read = o.iface(true)
	case "-o", "--out-interface":
		read = o.iface(false)
	case "--ctstate", "--state":
		read = o.state
	case "-m", "--match":
		read = o.module
	case "--dst-type":
		read = o.dstType
	case "--comment":
		read = func(w wordAt) error { o.comment = w.text; return nil }
	case "-j", "--jump":
		read = o.target(jump)
	case "-g", "--goto":
		read = o.target(goAway)
	default:
		if o.foreign {
			if w.text == "--notrack" {
				*o.action = action{kind: doubtful, alters: true, doubt: "what --notrack does isn't modelled"}
			}
			o.negated = false
			return nil
		}
		return o.unknown(w)
	}
	v, err := o.value(w)
	if err != nil {
		return err
	}
	return read(v)
}

// module reads the name of a module, whose options follow.
func (o *ruleReader) module(w wordAt) error {
	o.foreign = false
	if !spoken[w.text] {
		o.doubts = append(o.doubts, test{doubt: fmt.Sprintf("-m %s isn't modelled", w.text)})
	}
	return nil
}

// unknown passes over an option that isn't modelled, and its values.
func (o *ruleReader) unknown(w wordAt) error {
	if !strings.HasPrefix(w.text, "-") {
		return o.wrong(w.column, "%q is no option", w.text)
	}
	for len(o.words) > 0 && !strings.HasPrefix(o.words[0].text, "-") && o.words[0].text != "!" {
		o.next()
	}
	o.negated = false
	o.rule.tests = append(o.rule.tests, test{doubt: fmt.Sprintf("%s isn't modelled", w.text)})
	return nil
}

func (o *ruleReader) within(d dim, spans []span) test {
	var t test
	for _, s := range spans {
		b := whole()
		b[d] = s
		t.alternatives = append(t.alternatives, alternative{box: &b})
	}
	return t
}

func (o *ruleReader) address(d dim) func(wordAt) error {
	return func(w wordAt) error {
		var spans []span
		for _, text := range strings.Split(w.text, ",") {
			s, ok := addressSpan(text)
			masked := !ok && isMasked(text)
			if !ok && !masked {
				return o.wrong(w.column, "%q is no address or network", text)
			}
			if strings.Contains(text, ":") != o.six {
				return o.wrong(w.column, "%s is not of the family of this listing", text)
			}
			if masked {
				o.rule.tests = append(o.rule.tests, test{doubt: fmt.Sprintf("the mask of %s isn't modelled", text)})
				o.negated = false
				return nil
			}
			spans = append(spans, s)
		}
		o.add(o.within(d, spans))
		return nil
	}
}

// isMasked tells of an address and a mask that is no network's, such as 0.0.0.1/0.0.0.255. Those of networks are
// listed as their length.
func isMasked(text string) bool {
	address, mask, _ := strings.Cut(text, "/")
	a, err1 := netip.ParseAddr(address)
	m, err2 := netip.ParseAddr(mask)
	return err1 == nil && err2 == nil && a.BitLen() == m.BitLen()
}

func (o *ruleReader) addressRange(d dim) func(wordAt) error {
	return func(w wordAt) error {
		from, to, _ := strings.Cut(w.text, "-")
		a, ok1 := addressSpan(from)
		b, ok2 := addressSpan(to)
		if !ok1 || !ok2 || b.last.less(a.first) {
			return o.wrong(w.column, "%q is no range of addresses", w.text)
		}
		o.add(o.within(d, []span{{a.first, b.last}}))
		return nil
	}
}

// ports reads "443", "3433:3460", ":1023", "443,4000,3433:3460".
func (o *ruleReader) ports(d dim) func(wordAt) error {
	return func(w wordAt) error {
		var spans []span
		for _, text := range strings.Split(w.text, ",") {
			from, to, isRange := strings.Cut(text, ":")
			if !isRange {
				to = from
			}
			if from == "" && isRange {
				from = "0"
			}
			if to == "" && isRange {
				to = "65535"
			}
			a, err1 := strconv.ParseUint(from, 10, 16)
			b, err2 := strconv.ParseUint(to, 10, 16)
			if err1 != nil || err2 != nil || b < a {
				return o.wrong(w.column, "%q is no port or range of ports", text)
			}
			spans = append(spans, portSpan(firewall.PortRange{First: uint16(a), Last: uint16(b)}))
		}
		t := o.within(d, spans)
		t.exists = hasPorts
		o.add(t)
		return nil
	}
}

// hasPorts tells of protocols with ports; the rule's own -p says which one it means.
func hasPorts(s *situation) answer { return is(ported[s.proto]) }

func (o *ruleReader) protocol(w wordAt) error {
	if w.text == "all" || w.text == "0" {
		o.negated = false
		return nil
	}
	if n, ok := protocolNumber(w.text); ok {
		o.rs.protos[n] = true
	}
	o.add(test{alternatives: []alternative{{
		when: func(s *situation) answer { return isProtocol(s, w.text) }, doubt: unknownProtocol(w.text),
	}}})
	return nil
}

// iface compares interfaces; iptables writes "eth+" for those that begin so.
func (o *ruleReader) iface(in bool) func(wordAt) error {
	return func(w wordAt) error {
		want := w.text
		if prefix, open := strings.CutSuffix(want, "+"); open {
			want = prefix + "*"
		}
		o.add(test{alternatives: []alternative{{when: func(s *situation) answer {
			if in {
				return isInterface(s.in, want)
			}
			return isInterface(s.out, want)
		}}}})
		return nil
	}
}

func (o *ruleReader) state(w wordAt) error {
	var t test
	for _, text := range strings.Split(strings.ToLower(w.text), ",") {
		alt := alternative{when: func(s *situation) answer { return is(s.state == text) }}
		switch text {
		case "new", "established", "related", "invalid", "untracked":
		case "dnat":
			alt = redirected
		default: // SNAT
			alt = alternative{when: func(*situation) answer { return maybe }, doubt: fmt.Sprintf("the state %s isn't modelled", strings.ToUpper(text))}
		}
		t.alternatives = append(t.alternatives, alt)
	}
	o.add(t)
	return nil
}

// dstType reads "-m addrtype --dst-type LOCAL".
func (o *ruleReader) dstType(w wordAt) error {
	if w.text != "LOCAL" {
		o.rule.tests = append(o.rule.tests, test{doubt: "--dst-type " + w.text + " isn't modelled"})
		o.negated = false
		return nil
	}
	o.add(test{own: true})
	return nil
}

// tcpFlags reads "--tcp-flags FIN,SYN,RST,ACK SYN".
func (o *ruleReader) tcpFlags(w wordAt) error {
	var flags [2]uint8
	for i := range flags {
		v, err := o.value(w)
		if err != nil {
			return err
		}
		for _, name := range strings.Split(strings.ToLower(v.text), ",") {
			flag, ok := tcpFlags[name]
			switch {
			case name == "all":
				flag = 0x3f
			case name == "none":
			case !ok:
				return o.wrong(v.column, "%q is no TCP flag", name)
			}
			flags[i] |= flag
		}
	}
	o.add(tcpFlagTest(flags[0], flags[1], false))
	return nil
}

// harmless are targets that change nothing about where a packet goes.
var harmless = map[string]bool{
	"LOG": true, "NFLOG": true, "ULOG": true, "AUDIT": true, "TRACE": true, "MARK": true, "CONNMARK": true, "CONNSECMARK": true,
	"SECMARK": true, "TCPMSS": true, "TCPOPTSTRIP": true, "TOS": true, "DSCP": true, "TTL": true, "HL": true, "ECN": true,
	"CLASSIFY": true, "CHECKSUM": true, "SET": true, "LED": true, "RATEEST": true, "IDLETIMER": true, "TEE": true,
	"CT": true, // but for --notrack: a helper, a zone or a timeout
}

// target reads what becomes of the packet. The options after it are the target's own.
func (o *ruleReader) target(kind actionKind) func(wordAt) error {
	return func(w wordAt) error {
		a := action{kind: proceed}
		switch {
		case w.text == "ACCEPT":
			a.kind = accept
		case w.text == "MASQUERADE", w.text == "SNAT":
			a.kind, a.translates = accept, true
		case w.text == "DROP", w.text == "REJECT", w.text == "TARPIT":
			a.kind = drop
		case w.text == "RETURN":
			a.kind = giveBack
		case harmless[w.text]:
		default:
			if c := o.chains[o.table+" "+w.text]; c != nil {
				a = action{kind: kind, target: c}
			} else {
				a = action{kind: doubtful, alters: true, doubt: fmt.Sprintf("what the target %s does isn't modelled", w.text)}
			}
		}
		o.action, o.foreign = &a, true
		return nil
	}
}
