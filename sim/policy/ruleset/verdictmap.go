package ruleset

import (
	"cmp"
	"strings"

	"github.com/proxyspec/proxyspec/text/tree"
)

// verdictMap reads {"vmap": {"key": ..., "data": {"set": [[value, verdict], ...]}}}: one of its elements applies at
// most, so each is a rule.
func (s *statements) verdictMap(n *tree.Node) error {
	data, key := n.Field("data"), n.Field("key")
	if data == nil || key == nil {
		return wrong(n, "a verdict map needs a key and data")
	}
	elements := data.Field("set")
	if name, ok := strings.CutPrefix(data.Value(), "@"); ok {
		named := s.sets[s.table+" "+name]
		if named == nil {
			return wrong(data, "the map %q isn't listed", name)
		}
		if elements = named.Field("elem"); elements == nil {
			return nil // an empty map
		}
		s.metered(elements)
	}
	if elements == nil || elements.Kind != tree.List {
		return wrong(data, "a verdict map needs a list of elements")
	}
	others := test{negated: true} // what no element has a value for
	var rest *action
	for _, e := range elements.Items {
		if e.Kind != tree.List || len(e.Items) != 2 || e.Items[1].Kind != tree.Map || len(e.Items[1].Keys) != 1 {
			return wrong(e, "an element of a verdict map must be a value and a verdict")
		}
		a, err := s.action(e.Items[1].Keys[0], e.Items[1].Items[0])
		if err != nil {
			return err
		}
		value := element(e.Items[0])
		if value.Value() == "*" {
			rest = &a
			continue
		}
		t, err := s.compare(key, "==", value)
		if err != nil {
			return err
		}
		if t.own {
			others.doubt = "whose address the destination is isn't modelled"
		}
		s.when(t, a)
		others.exists, others.doubt = t.exists, cmp.Or(others.doubt, t.doubt)
		others.alternatives = append(others.alternatives, t.alternatives...)
	}
	if rest != nil {
		s.when(others, *rest)
	}
	return nil
}

// when adds a rule of what was read so far and one more test.
func (s *statements) when(t test, a action) {
	tests := append(s.rule.tests[:len(s.rule.tests):len(s.rule.tests)], t)
	s.chain.rules = append(s.chain.rules, rule{name: s.rule.name, tests: tests, action: a})
}
