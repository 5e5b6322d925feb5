package policy

import (
	"fmt"

	"github.com/proxyspec/proxyspec/text/nearest"
)

// superseding checks the chains of rows that take each other's place.
func (l *linter) superseding() {
	p := l.policy
	byID := make(map[string]*Entry, len(p.Entries))
	ids := make([]string, 0, len(p.Entries))
	for i := range p.Entries {
		byID[p.Entries[i].ID] = &p.Entries[i]
		ids = append(ids, p.Entries[i].ID)
	}
	ends := make(map[string]bool) // rows from which a chain is known to end
	for i := range p.Entries {
		e := &p.Entries[i]
		if e.SupersededBy == "" {
			continue
		}
		next, ok := byID[e.SupersededBy]
		switch {
		case !ok:
			remedy := "name a row of this list, or leave it out"
			if meant := nearest.To(e.SupersededBy, ids); meant != "" {
				remedy = fmt.Sprintf("did you mean %q?", meant)
			}
			l.wrong(CodeSupersededBy, e.place("superseded-by"), e.ID, fmt.Sprintf("it is superseded by %q, and there is no such row", e.SupersededBy), remedy)
		case circular(e, byID, ends):
			l.wrong(CodeSupersededBy, e.place("superseded-by"), e.ID, "rows supersede each other in a circle", "say which one stays")
		default:
			l.warn(CodeSuperseded, e.place("superseded-by"), e.ID, fmt.Sprintf("row %s takes its place", next.ID), "close it once no call uses it any more")
		}
	}
}

// circular tells whether the chain from a row comes back to one of its own.
func circular(e *Entry, byID map[string]*Entry, ends map[string]bool) bool {
	walked := make(map[string]bool)
	for e != nil && e.SupersededBy != "" && !ends[e.ID] {
		if walked[e.ID] {
			return true
		}
		walked[e.ID] = true
		e = byID[e.SupersededBy]
	}
	for id := range walked {
		ends[id] = true
	}
	return false
}
