package policy

import (
	"fmt"
	"slices"
	"strings"

	"github.com/proxyspec/proxyspec/sim/firewall"
	"github.com/proxyspec/proxyspec/sim/policy/internal/region"
)

// block is the rows at one destination.
type block struct {
	proto firewall.Proto
	dest  Destination
	ports region.Ports // of all its rows
	rows  []portsOf    // ranges of all its rows, by their first port
}

type portsOf struct {
	firewall.PortRange
	row int
}

// overlaps looks for rows that open the same. It compares destinations first and ports then, so that ten thousand
// rows don't mean fifty million comparisons.
func (l *linter) overlaps() {
	twins := l.duplicates()
	told := make(map[[2]int]bool)
	tell := func(a, b int, proto firewall.Proto, dest Destination, ports region.Ports) {
		if a > b {
			a, b = b, a
		}
		x, y := &l.policy.Entries[a], &l.policy.Entries[b]
		if a == b || twins[a] == twins[b] || told[[2]int{a, b}] || x.SupersededBy == y.ID || y.SupersededBy == x.ID {
			return
		}
		told[[2]int{a, b}] = true
		l.warn(CodeOverlapRows, y.At, y.ID, fmt.Sprintf("it opens %v %v %s %v, and row %s does too",
			proto, dest, map[bool]string{true: "port", false: "ports"}[ports.Count() == 1], ports, x.ID), "write each once, so that closing a row closes it")
	}
	blocks := l.blocks()
	for _, b := range blocks {
		for i, widest := 1, b.rows[0]; i < len(b.rows); i++ {
			if r := b.rows[i]; r.First <= widest.Last {
				tell(widest.row, r.row, b.proto, b.dest, region.NewPorts(firewall.PortRange{First: r.First, Last: min(r.Last, widest.Last)}))
			}
			if b.rows[i].Last > widest.Last {
				widest = b.rows[i]
			}
		}
	}
	l.acrossBlocks(blocks, tell)
}

// duplicates finds rows that open just what an earlier one opens, and gives each row the number of the first of
// its kind.
func (l *linter) duplicates() (twins []int) {
	first := make(map[string]int)
	for i := range l.policy.Entries {
		e := &l.policy.Entries[i]
		if e.broken { // what it opens isn't known, and that was said
			twins = append(twins, i)
			continue
		}
		key := e.meaning()
		j, twice := first[key]
		if !twice {
			j, first[key] = i, i
		} else {
			l.wrong(CodeDuplicate, e.At, e.ID, fmt.Sprintf("it opens what row %s opens, and nothing else", l.policy.Entries[j].ID), "leave one of them out")
		}
		twins = append(twins, j)
	}
	return twins
}

// meaning is the same for rows that open the same.
func (e *Entry) meaning() string {
	protos := slices.Clone(e.Protocols)
	slices.Sort(protos)
	var names []string
	for _, d := range e.Destinations {
		names = append(names, d.String())
	}
	slices.Sort(names)
	return fmt.Sprint(protos, strings.Join(slices.Compact(names), " "), e.ports())
}

// blocks gathers the rows by protocol and destination.
func (l *linter) blocks() []*block {
	type key struct {
		proto firewall.Proto
		dest  Destination
	}
	found := make(map[key]*block)
	var order []*block
	for i := range l.policy.Entries {
		e := &l.policy.Entries[i]
		if e.broken {
			continue
		}
		ports := e.ports()
		for _, d := range e.Destinations {
			d.At = Pos{}
			for _, proto := range e.Protocols {
				b := found[key{proto, d}]
				if b == nil {
					b = &block{proto: proto, dest: d}
					found[key{proto, d}] = b
					order = append(order, b)
				}
				for _, r := range ports {
					b.rows = append(b.rows, portsOf{r, i})
				}
			}
		}
	}
	for _, b := range order {
		slices.SortStableFunc(b.rows, func(x, y portsOf) int { return int(x.First) - int(y.First) })
		ranges := make([]firewall.PortRange, len(b.rows))
		for i, r := range b.rows {
			ranges[i] = r.PortRange
		}
		b.ports = region.NewPorts(ranges...)
	}
	return order
}

// acrossBlocks compares destinations that share addresses without being the same.
func (l *linter) acrossBlocks(blocks []*block, tell func(a, b int, proto firewall.Proto, dest Destination, ports region.Ports)) {
	sorted := slices.DeleteFunc(slices.Clone(blocks), func(b *block) bool { return b.dest.Domain != "" })
	slices.SortStableFunc(sorted, func(a, b *block) int { return a.dest.First.Compare(b.dest.First) })
	var active []*block
	for _, b := range sorted {
		active = slices.DeleteFunc(active, func(a *block) bool { return a.dest.Last.Less(b.dest.First) })
		for _, a := range active {
			if a.proto != b.proto || len(a.ports.Intersect(b.ports)) == 0 {
				continue
			}
			narrow := b.dest
			if a.dest.Last.Less(b.dest.Last) {
				narrow.Last = a.dest.Last
			}
			for _, r := range a.rows {
				for _, s := range b.rows {
					if both := region.NewPorts(r.PortRange).Intersect(region.NewPorts(s.PortRange)); len(both) > 0 {
						tell(r.row, s.row, b.proto, narrow, both)
					}
				}
			}
		}
		active = append(active, b)
	}
}
