package ruleset

import (
	"cmp"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/proxyspec/proxyspec/sim/firewall"
	"github.com/proxyspec/proxyspec/sim/policy/internal/region"
	"github.com/proxyspec/proxyspec/text/tree"
)

// match reads {"op": "==", "left": what, "right": value}.
func (s *statements) match(n *tree.Node) (test, error) {
	op, left, right := n.Field("op"), n.Field("left"), n.Field("right")
	if op == nil || left == nil || right == nil {
		return test{}, wrong(n, "a match needs op, left and right")
	}
	return s.compare(left, op.Text, right)
}

// compare makes a test of a comparison.
func (s *statements) compare(left *tree.Node, op string, right *tree.Node) (test, error) {
	negated := op == "!=" || op == "!"
	if op == "!" { // none of these flags, or states
		op = "in"
	}
	if f, _ := fieldOf(left); f.kind == own && right.Value() == "local" {
		return test{own: true, negated: op == "!="}, nil
	}
	if c := left.Field("ct"); c.Field("key").Value() == "status" && right.Value() == "dnat" && op != "<" && op != ">" {
		return test{alternatives: []alternative{redirected}, negated: negated}, nil
	}
	if masked := left.Field("&"); masked != nil {
		return flagTest(masked, op, right), nil
	}
	if p := left.Field("payload"); p.Field("protocol").Value() == "tcp" && p.Field("field").Value() == "flags" {
		if want, ok := flagSet(right); ok && op != "in" {
			return tcpFlagTest(0xff, want, op == "!="), nil
		}
	}
	parts := []*tree.Node{left}
	if joined := left.Field("concat"); joined != nil {
		parts = joined.Items
	}
	var fields []field
	t := test{negated: negated}
	for _, p := range parts {
		s.noteHeader(p)
		f, doubt := fieldOf(p)
		t.doubt = cmp.Or(t.doubt, doubt)
		fields = append(fields, f)
	}
	t.exists = allExist(fields)
	if t.doubt != "" {
		return t, nil
	}
	values, err := s.values(right)
	if err != nil {
		return test{}, err
	}
	for _, v := range values {
		if v.Value() == "*" { // whatever the other elements don't match
			t.alternatives = append(t.alternatives, alternative{})
			continue
		}
		components := []*tree.Node{v}
		if joined := v.Field("concat"); joined != nil {
			components = joined.Items
		}
		if len(components) != len(fields) {
			return test{}, wrong(v, "%d values for %d fields", len(components), len(fields))
		}
		alt := alternative{}
		for i, f := range fields {
			one, doubt := f.alternative(op, components[i])
			if doubt != "" {
				return test{exists: t.exists, doubt: doubt}, nil
			}
			alt = alt.and(one)
		}
		t.alternatives = append(t.alternatives, alt)
	}
	s.noteProtocols(fields, values)
	return t, nil
}

// values lists what a field is compared with: the elements of a set, or the one value.
func (s *statements) values(n *tree.Node) ([]*tree.Node, error) {
	if name, ok := strings.CutPrefix(n.Value(), "@"); ok && n.Kind == tree.String {
		named := s.sets[s.table+" "+name]
		if named == nil {
			return nil, wrong(n, "the set %q isn't listed", name)
		}
		if n = named.Field("elem"); n == nil {
			return nil, nil // an empty set
		}
		s.metered(n)
	} else if set := n.Field("set"); set != nil {
		n = set
	}
	if n.Kind != tree.List {
		return []*tree.Node{n}, nil
	}
	var out []*tree.Node
	for _, item := range n.Items {
		out = append(out, element(item))
	}
	return out, nil
}

// element is the value of an element of a set, which may have a timeout or a counter beside it.
func element(n *tree.Node) *tree.Node {
	if e := n.Field("elem"); e != nil && e.Field("val") != nil {
		return e.Field("val")
	}
	return n
}

// metered notes that elements of a set, or of a map, ask how much of a packet's kind there was: past its limit one is as if
// it weren't there.
func (s *statements) metered(elements *tree.Node) {
	for _, e := range list(elements) {
		if e.Kind == tree.List && len(e.Items) == 2 { // of a map
			e = e.Items[0]
		}
		for _, key := range []string{"limit", "quota", "ct count"} {
			if e.Field("elem").Field(key) != nil {
				s.depends(key)
				return
			}
		}
	}
}

func list(n *tree.Node) []*tree.Node {
	if n.Kind == tree.List {
		return n.Items
	}
	return []*tree.Node{n}
}

func is(b bool) answer {
	if b {
		return yes
	}
	return no
}

func isFamily(six bool) func(*situation) answer {
	return func(s *situation) answer { return is(s.six == six) }
}

// isInterface compares an interface with a name, which may end in "*".
func isInterface(have, want string) answer {
	prefix, open := strings.CutSuffix(want, "*")
	switch {
	case open && prefix == "":
		return yes
	case have == "":
		return maybe
	case open:
		return is(strings.HasPrefix(have, prefix))
	}
	return is(have == want)
}

var tcpFlags = map[string]uint8{"fin": 1, "syn": 2, "rst": 4, "psh": 8, "ack": 16, "urg": 32, "ecn": 64, "ece": 64, "cwr": 128}

// flagTest reads {"&": [tcp flags, mask]} compared with some of them.
func flagTest(masked *tree.Node, op string, right *tree.Node) test {
	doubt := test{doubt: "its match with a mask isn't modelled"}
	if len(masked.Items) != 2 {
		return doubt
	}
	payload := masked.Items[0].Field("payload")
	doubt.exists = hasHeader(payload.Field("protocol").Value())
	if op != "==" && op != "!=" || payload.Field("protocol").Value() != "tcp" || payload.Field("field").Value() != "flags" {
		return doubt
	}
	mask, ok1 := flagSet(masked.Items[1])
	want, ok2 := flagSet(right)
	if !ok1 || !ok2 {
		return doubt
	}
	return tcpFlagTest(mask, want, op == "!=")
}

func tcpFlagTest(mask, want uint8, negated bool) test {
	return test{
		exists:       func(s *situation) answer { return is(s.proto == uint8(firewall.TCP)) },
		alternatives: []alternative{{when: func(s *situation) answer { return is(s.flags&mask == want) }}},
		negated:      negated,
	}
}

// flagSet reads flags: "syn", 2, ["fin", "syn"], {"|": [...]}.
func flagSet(n *tree.Node) (flags uint8, ok bool) {
	if n.Kind == tree.Number {
		v, err := strconv.ParseUint(n.Text, 10, 8)
		return uint8(v), err == nil
	}
	if n.Kind == tree.String {
		flag, ok := tcpFlags[n.Text]
		return flag, ok
	}
	if either := n.Field("|"); either != nil {
		n = either
	}
	if n.Kind != tree.List {
		return 0, false
	}
	for _, item := range n.Items {
		f, ok := flagSet(item)
		if !ok {
			return 0, false
		}
		flags |= f
	}
	return flags, true
}

func allExist(fields []field) func(*situation) answer {
	return func(s *situation) answer {
		for _, f := range fields {
			if f.exists != nil && f.exists(s) == no {
				return no
			}
		}
		return yes
	}
}

// alternative is one value of a field.
func (f field) alternative(op string, v *tree.Node) (alternative, string) {
	switch f.kind {
	case own:
		return alternative{}, "what kind of address the destination is isn't modelled"
	case flags:
		want, ok := flagSet(v)
		if !ok || op != "==" && op != "!=" && op != "in" {
			return alternative{}, fmt.Sprintf("its comparison %q of TCP flags isn't modelled", op)
		}
		return alternative{when: func(s *situation) answer { return is(s.flags == want || op == "in" && s.flags&want != 0) }}, ""
	case word:
		if op != "in" && v.Field("|") != nil { // "ct state != established,related" holds for every packet: its state is one
			return alternative{when: func(*situation) answer { return no }}, ""
		}
		if v.Kind != tree.String && v.Kind != tree.Number || op != "==" && op != "!=" && op != "in" {
			return alternative{}, fmt.Sprintf("its comparison %q isn't modelled", op)
		}
		want := v.Text
		return alternative{when: func(s *situation) answer { return f.equals(s, want) }, doubt: f.unsure(want)}, ""
	}
	var values span
	ok := false
	if f.kind == port {
		values, ok = portValue(v)
	} else {
		values, ok = addressValue(v)
	}
	if !ok {
		return alternative{}, fmt.Sprintf("the value %q isn't modelled", v.Value())
	}
	values, ok = ordered(op, values, f)
	if !ok {
		return alternative{}, fmt.Sprintf("its comparison %q isn't modelled", op)
	}
	if values.last.less(values.first) {
		return alternative{when: func(*situation) answer { return no }}, ""
	}
	b := whole()
	b[f.dim] = values
	return alternative{box: &b}, ""
}

// whole is a box that no packet is outside of.
func whole() box {
	all := span{num{}, num{^uint64(0), ^uint64(0)}}
	return box{all, all, all, all}
}

// ordered is the span of a comparison with a number; "!=" is the negation of "==".
func ordered(op string, v span, f field) (span, bool) {
	top := span{num{}, num{^uint64(0), ^uint64(0)}}
	empty := span{num{0, 1}, num{}}
	single := v.first == v.last
	switch {
	case op == "==" || op == "!=" || op == "in":
		return v, true
	case !single || f.kind != port:
		return span{}, false
	case op == "<=":
		return span{num{}, v.last}, true
	case op == ">=":
		return span{v.first, top.last}, true
	case op == "<" && v.first == (num{}):
		return empty, true
	case op == "<":
		return span{num{}, v.first.prev()}, true
	case op == ">":
		return span{v.last.next(), top.last}, true
	}
	return span{}, false
}

func portValue(n *tree.Node) (span, bool) {
	if r := n.Field("range"); r != nil && len(r.Items) == 2 {
		a, ok1 := portValue(r.Items[0])
		b, ok2 := portValue(r.Items[1])
		return span{a.first, b.last}, ok1 && ok2
	}
	v, err := strconv.ParseUint(n.Value(), 10, 16)
	return portSpan(firewall.PortRange{First: uint16(v), Last: uint16(v)}), err == nil && n.Kind != tree.Map
}

func addressValue(n *tree.Node) (span, bool) {
	if r := n.Field("range"); r != nil && len(r.Items) == 2 {
		a, ok1 := addressValue(r.Items[0])
		b, ok2 := addressValue(r.Items[1])
		return span{a.first, b.last}, ok1 && ok2
	}
	text := n.Value()
	if p := n.Field("prefix"); p != nil {
		text = p.Field("addr").Value() + "/" + p.Field("len").Value()
	}
	return addressSpan(text)
}

// addressSpan reads an address or a network, whose host bits don't count.
func addressSpan(text string) (span, bool) {
	if a, err := netip.ParseAddr(text); err == nil && !a.Is4In6() && a.Zone() == "" {
		return span{addrNum(a), addrNum(a)}, true
	}
	p, err := netip.ParsePrefix(text)
	if err != nil || p.Addr().Is4In6() {
		return span{}, false
	}
	p = p.Masked()
	return span{addrNum(p.Addr()), addrNum(region.LastOf(p))}, true
}

// and is both of two alternatives.
func (a alternative) and(b alternative) alternative {
	a.doubt = cmp.Or(a.doubt, b.doubt)
	switch {
	case a.when == nil:
		a.when = b.when
	case b.when != nil:
		first, second := a.when, b.when
		a.when = func(s *situation) answer {
			x, y := first(s), second(s)
			switch {
			case x == no || y == no:
				return no
			case x == maybe || y == maybe:
				return maybe
			}
			return yes
		}
	}
	switch {
	case a.box == nil:
		a.box = b.box
	case b.box != nil:
		both, ok := a.box.intersect(*b.box)
		if !ok {
			return alternative{when: func(*situation) answer { return no }}
		}
		a.box = &both
	}
	return a
}
