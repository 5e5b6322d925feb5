package ruleset

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/proxyspec/proxyspec/text/tree"
)

// nftReader turns the JSON of nft (libnftables-json(5)) into chains.
type nftReader struct {
	rs     *Ruleset
	chains map[string]*chain     // "inet filter forward"
	sets   map[string]*tree.Node // "inet filter blocked": sets and maps
	count  map[*chain]int        // rules so far, for their names
	flags  map[string]string     // of tables: "inet filter" may be dormant
}

func (rs *Ruleset) readNFT(source []byte) error {
	rs.Kind = NFTables
	rs.covers = [2]bool{true, true}
	rs.own[unlisted] = true
	root, err := tree.JSON(source)
	var syntax *tree.Error
	if errors.As(err, &syntax) {
		return &placed{syntax.Line, syntax.Column, syntax.Message}
	}
	list := root.Field("nftables")
	if list == nil || list.Kind != tree.List {
		return wrong(root, `no list "nftables": this isn't what "nft -j list ruleset" prints`)
	}
	r := nftReader{rs: rs, chains: make(map[string]*chain), sets: make(map[string]*tree.Node), count: make(map[*chain]int), flags: make(map[string]string)}
	for _, read := range []func(kind string, n *tree.Node) error{r.declare, r.rule} {
		for _, item := range list.Items {
			if item.Kind != tree.Map || len(item.Keys) != 1 {
				return wrong(item, "an item must be a map of one key, such as table, chain or rule")
			}
			if err := read(item.Keys[0].Text, item.Items[0]); err != nil {
				return err
			}
		}
	}
	return nil
}

func wrong(n *tree.Node, format string, args ...any) error {
	return &placed{n.Line, n.Column, fmt.Sprintf(format, args...)}
}

// fieldText is the text of a field that must be there.
func fieldText(n *tree.Node, key string) (string, error) {
	f := n.Field(key)
	if f == nil || f.Kind != tree.String && f.Kind != tree.Number {
		return "", wrong(n, "the field %q is missing", key)
	}
	return f.Text, nil
}

// name is what a chain or set is called: its family, table and own name.
func (r *nftReader) name(n *tree.Node, own string) (string, error) {
	var parts []string
	for _, key := range []string{"family", "table", own} {
		text, err := fieldText(n, key)
		if err != nil {
			return "", err
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, " "), nil
}

// declare reads chains and sets; rules may refer to those that come later.
func (r *nftReader) declare(kind string, n *tree.Node) error {
	switch kind {
	case "set", "map":
		name, err := r.name(n, "name")
		r.sets[name] = n
		return err
	case "chain":
		return r.chain(n)
	case "table":
		family, err := fieldText(n, "family")
		r.flags[family+" "+n.Field("name").Value()] = flagsOf(n)
		if err == nil && family != "inet" && family != "ip" && family != "ip6" && family != "arp" && family != "netdev" {
			r.rs.outside = append(r.rs.outside, fmt.Sprintf("table %s %s: the family %s isn't modelled here", family, n.Field("name").Value(), family))
		}
		return err
	}
	return nil
}

func (r *nftReader) chain(n *tree.Node) error {
	full, err := r.name(n, "name")
	if err != nil {
		return err
	}
	parts := strings.SplitN(full, " ", 3)
	family := parts[0]
	c := &chain{
		listed:   full,
		name:     fmt.Sprintf("chain %s of table %s %s", parts[2], family, parts[1]),
		families: [2]bool{family == "ip" || family == "inet", family == "ip6" || family == "inet"},
		policy:   canAccept,
	}
	if r.chains[full] != nil {
		return wrong(n, "%s stands here for the second time", c.name)
	}
	r.chains[full] = c
	hook := n.Field("hook")
	flags := r.flags[family+" "+parts[1]]
	if hook == nil || flags == "dormant" {
		return nil
	}
	c.hook = Hook(hook.Text)
	switch policy := n.Field("policy"); {
	case policy == nil || policy.Text == "accept":
	case policy.Text == "drop":
		c.policy = canDrop
	default:
		return wrong(policy, "%q is no policy of a chain", policy.Text)
	}
	if c.hook == Ingress || c.hook == Egress {
		r.rs.edges = append(r.rs.edges, edge{c, devices(n)})
	}
	if !c.families[0] && !c.families[1] {
		return nil
	}
	if flags != "" {
		c.rules = append(c.rules, rule{name: "the flags of the table", action: action{
			kind: doubtful, doubt: fmt.Sprintf("nft lists them as %q, which may stand for dormant", flags),
		}})
	}
	kind, err := fieldText(n, "type")
	if err != nil {
		return err
	}
	c.nat = kind == "nat"
	if prio := n.Field("prio"); prio != nil {
		if c.priority, err = strconv.Atoi(prio.Text); err != nil {
			return wrong(prio, "%q is no priority", prio.Text)
		}
	}
	switch c.hook {
	case Prerouting, Input, Forward, Output, Postrouting:
		r.rs.bases = append(r.rs.bases, c)
	}
	return nil
}

// rule reads a rule and adds it to its chain. A verdict map makes a rule for each of its elements.
func (r *nftReader) rule(kind string, n *tree.Node) error {
	if kind != "rule" {
		return nil
	}
	full, err := r.name(n, "chain")
	if err != nil {
		return err
	}
	c := r.chains[full]
	if c == nil {
		return wrong(n, "the rule's chain %q isn't listed", full)
	}
	r.count[c]++
	name := fmt.Sprintf("rule %d", r.count[c])
	if comment := n.Field("comment"); comment != nil {
		name += fmt.Sprintf(" (%q)", comment.Text)
	}
	expressions := n.Field("expr")
	if expressions == nil || expressions.Kind != tree.List {
		return wrong(n, `the rule has no list "expr"`)
	}
	table := full[:strings.LastIndexByte(full, ' ')]
	s := statements{nftReader: r, table: table, chain: c, rule: rule{name: name}}
	for _, item := range expressions.Items {
		if item.Kind != tree.Map || len(item.Keys) != 1 {
			return wrong(item, "an expression must be a map of one key, such as match or accept")
		}
		if err := s.read(item.Keys[0], item.Items[0]); err != nil {
			return err
		}
	}
	return nil
}

// statements reads the expressions of one rule.
type statements struct {
	*nftReader
	table string // "inet filter"
	chain *chain
	rule  rule // as it is so far; without a verdict it does nothing, and isn't added
}

func (s *statements) read(key, value *tree.Node) error {
	switch key.Text {
	case "match":
		t, err := s.match(value)
		s.rule.tests = append(s.rule.tests, t)
		return err
	case "accept", "drop", "reject", "return", "jump", "goto":
		return s.verdict(key, value)
	case "vmap":
		return s.verdictMap(value)
	case "counter", "log", "comment", "continue", "secmark", "ct helper", "ct timeout", "ct expectation", "last", "dup":
	case "set", "map": // it remembers what it saw, and may ask how much of it there was
		if statements := value.Field("stmt"); statements != nil {
			for _, stateful := range statements.Items {
				for _, k := range stateful.Keys {
					if k.Text != "counter" && k.Text != "last" {
						s.depends(k.Text)
					}
				}
			}
		}
	case "flow": // a packet that can't be offloaded goes no further in its rule
		s.rule.tests = append(s.rule.tests, test{doubt: "it goes on for those packets alone whose flow is offloaded"})
	case "masquerade", "snat":
		s.act(action{kind: accept, translates: true})
	case "mangle":
		if p := value.Field("key").Field("payload"); p != nil && !idle[p.Field("field").Value()] {
			s.act(action{kind: doubtful, alters: true, doubt: "it rewrites packets, which isn't modelled"})
		}
	case "dnat", "redirect", "tproxy", "queue", "notrack", "fwd", "synproxy":
		s.act(action{kind: doubtful, alters: true, doubt: fmt.Sprintf("what %q does isn't modelled", key.Text)})
	case "xt":
		s.rule.tests = append(s.rule.tests, test{doubt: "it was made by iptables, and nft doesn't say what it means; add what iptables-save prints"})
		if value.Field("type").Value() != "match" { // before nft 1.0.6 it may be either
			s.act(action{kind: doubtful, alters: true}) // its test says why
		}
	case "limit", "quota", "ct count", "meter":
		s.depends(key.Text)
	default:
		s.rule.tests = append(s.rule.tests, test{doubt: fmt.Sprintf("%q isn't modelled", key.Text)})
	}
	return nil
}

// idle are fields of the IP header by whose change no rule is affected but those that the model doesn't know anyhow.
var idle = map[string]bool{"dscp": true, "ecn": true, "ttl": true, "hoplimit": true, "flowlabel": true}

func (s *statements) depends(on string) {
	s.rule.tests = append(s.rule.tests, test{doubt: fmt.Sprintf("with %q it depends on how much traffic there is", on)})
}

// act adds a rule of what was read so far. A packet that isn't ended by it goes on with the rest.
func (s *statements) act(a action) {
	r := s.rule
	r.action = a
	s.chain.rules = append(s.chain.rules, r)
}

func (s *statements) verdict(key, value *tree.Node) error {
	a, err := s.action(key, value)
	if err == nil {
		s.act(a)
	}
	return err
}

// action reads a verdict: {"accept": null}, {"jump": {"target": "web"}}.
func (s *statements) action(key, value *tree.Node) (action, error) {
	switch key.Text {
	case "accept":
		return action{kind: accept}, nil
	case "drop", "reject":
		return action{kind: drop}, nil
	case "return":
		return action{kind: giveBack}, nil
	case "continue":
		return action{}, nil
	case "jump", "goto":
		target, err := fieldText(value, "target")
		if err != nil {
			return action{}, err
		}
		c := s.chains[s.table+" "+target]
		if c == nil {
			return action{}, wrong(value, "the chain %q isn't listed", s.table+" "+target)
		}
		if key.Text == "jump" {
			return action{kind: jump, target: c}, nil
		}
		return action{kind: goAway, target: c}, nil
	}
	return action{kind: doubtful, doubt: fmt.Sprintf("the verdict %q isn't modelled", key.Text)}, nil
}
