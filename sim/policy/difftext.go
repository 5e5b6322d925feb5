package policy

import (
	"fmt"
	"strings"
)

// Text is the difference for a terminal.
func (d Difference) Text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "from %s to %s\n", d.Old, d.New)
	for _, f := range d.Facts {
		fmt.Fprintf(&b, "  %s: %s -> %s\n", f.Field, orNone(f.Old), orNone(f.New))
	}
	for _, part := range []struct {
		title, sign string
		changes     []Change
	}{{"added", "+", d.Added}, {"removed", "-", d.Removed}} {
		if len(part.changes) == 0 {
			fmt.Fprintf(&b, "\nnothing %s\n", part.title)
			continue
		}
		fmt.Fprintf(&b, "\n%s\n", part.title)
		for _, c := range part.changes {
			fmt.Fprintf(&b, "  %s %s %s  %s  (%s)\n", part.sign, c.Protocol, c.Destination, c.Ports, c.Rows)
		}
	}
	d.breaksText(&b)
	return b.String()
}

func (d Difference) breaksText(b *strings.Builder) {
	if len(d.Breaks) == 0 {
		fmt.Fprint(b, "\nno call breaks in between\n")
		return
	}
	for _, state := range []struct {
		when  When
		words string
	}{
		{FirewallBehind, "while the firewall has the old list and the service uses the new one, these break"},
		{FirewallAhead, "while the firewall has the new list only and the service still uses the old one, these break"},
	} {
		title := "\n" + state.words + "\n"
		for _, x := range d.Breaks {
			if x.When == state.when {
				fmt.Fprintf(b, "%s  %s\n", title, x.Words)
				title = ""
			}
		}
	}
	fmt.Fprint(b, "\nOpen what is added before the service moves, and close what is removed after the last call has moved: with\nboth lists open nothing breaks.\n")
}

func orNone(s string) string {
	if s == "" {
		return "(none)"
	}
	return s
}

func day(p *Policy) string {
	if p.AsOf.IsZero() {
		return ""
	}
	return p.AsOf.Format("2006-01-02")
}
