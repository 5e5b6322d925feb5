package ruleset

import "github.com/proxyspec/proxyspec/text/tree"

// edge is a chain that sees packets before IP does, or after.
type edge struct {
	*chain
	devices []string
}

// devices are the interfaces of a chain that hangs at some of them.
func devices(chain *tree.Node) []string {
	dev := chain.Field("dev")
	if dev == nil {
		return []string{"*"} // nft 1.0.6 doesn't list it
	}
	if dev.Kind != tree.List {
		return []string{dev.Value()}
	}
	var out []string
	for _, d := range dev.Items {
		out = append(out, d.Value())
	}
	return out
}

// doubtful stands for an edge whose rules can drop packets: nobody can tell of those that cross it.
func (e edge) doubtful() *chain {
	c := &chain{name: e.name, hook: Prerouting, priority: -1000, families: [2]bool{true, true}, policy: canAccept}
	if e.hook == Egress {
		c.hook, c.priority = Postrouting, 1000
	}
	var crosses test
	for _, device := range e.devices {
		crosses.alternatives = append(crosses.alternatives, alternative{when: func(s *situation) answer {
			if e.hook == Egress {
				return isInterface(s.out, device)
			}
			return isInterface(s.in, device)
		}})
	}
	c.rules = []rule{{name: "the hook " + string(e.hook), tests: []test{crosses}, action: action{kind: doubtful, doubt: "it isn't modelled"}}}
	c.ends = canAccept | canDrop
	return c
}

// flagsOf is what a table's flags say that matters: "" or "dormant". nft 1.0.6 lists the name of the table in place of
// any flag.
func flagsOf(table *tree.Node) string {
	flags := table.Field("flags")
	if flags == nil {
		return ""
	}
	words := []*tree.Node{flags}
	if flags.Kind == tree.List {
		words = flags.Items
	}
	for _, w := range words {
		switch w.Value() {
		case "owner", "persist":
		default:
			return w.Value()
		}
	}
	return ""
}
