package policy

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/proxyspec/proxyspec/text/nearest"
	"github.com/proxyspec/proxyspec/text/tree"
)

// reader turns what was written into a Policy and collects what is wrong with its form.
type reader struct {
	policy *Policy
	found  Findings
}

func (r *reader) add(code string, severity Severity, at Pos, entry, words, remedy string) {
	r.found = append(r.found, Finding{
		Code: code, Severity: severity, File: r.policy.File, Line: at.Line, Column: at.Column,
		Entry: entry, Words: words, Remedy: remedy,
	})
}

func (r *reader) wrong(code string, at Pos, entry, words, remedy string) {
	if remedy == "" {
		remedy = remedies[code]
	}
	r.add(code, SeverityError, at, entry, words, remedy)
}

// remedies are for findings that have none of their own.
var remedies = map[string]string{
	CodeSyntax:       "mend it there: \"proxyspec firewall export cloud-proxy-test --format yaml\" prints a list as it should be, csv and json too",
	CodeMissingField: "add it",
	CodeBadValue:     "\"proxyspec firewall schema\" says what may stand there",
}

// readTree reads a policy from YAML or JSON.
func (r *reader) readTree(parse func([]byte) (*tree.Node, error), source []byte) {
	root, err := parse(source)
	var syntax *tree.Error
	if errors.As(err, &syntax) {
		r.wrong(CodeSyntax, Pos{syntax.Line, syntax.Column}, "", syntax.Message, "")
		return
	}
	if root.Kind == tree.Null {
		r.wrong(CodeSyntax, Pos{1, 1}, "", "the file is empty", "a policy begins with its id: see \"proxyspec firewall --help\"")
		return
	}
	p := r.policy
	p.start = Pos{root.Line, root.Column}
	r.fields(root, "", "a policy", p.at, map[string]func(*tree.Node){
		"$schema": func(n *tree.Node) { r.text(n, "", "$schema") },
		"id":      func(n *tree.Node) { p.ID = r.name(n, "", "the policy's id") },
		"vendor":  func(n *tree.Node) { p.Vendor = r.text(n, "", "vendor") },
		"source":  func(n *tree.Node) { p.Source = r.text(n, "", "source") },
		"as-of":   func(n *tree.Node) { p.AsOf = r.date(n, "") },
		"stage":   func(n *tree.Node) { p.Stage = Stage(r.word(n, "", "stage", string(Test), string(Production))) },
		"region":  func(n *tree.Node) { p.Region = r.text(n, "", "region") },
		"mode":    func(n *tree.Node) { p.Mode = r.text(n, "", "mode") },
		"sdk":     func(n *tree.Node) { p.SDK = r.versions(n) },
		"entries": func(n *tree.Node) { r.entries(n) },
	}, "id", "entries")
}

// fields hands each field of a map to its reader, notes where it stands, and finds those that nobody knows, that
// stand there twice, and that are missing.
func (r *reader) fields(n *tree.Node, entry, what string, at map[string]Pos, read map[string]func(*tree.Node), must ...string) {
	here := Pos{n.Line, n.Column}
	if n.Kind != tree.Map {
		r.wrong(CodeBadValue, here, entry, fmt.Sprintf("%s must be a map of fields, not %v", what, n.Kind), "")
		return
	}
	known := make([]string, 0, len(read))
	for key := range read {
		known = append(known, key)
	}
	slices.Sort(known)
	for i, key := range n.Keys {
		place := Pos{key.Line, key.Column}
		_, twice := at[key.Text]
		switch do := read[key.Text]; {
		case do == nil:
			remedy := "known fields are " + strings.Join(known, ", ")
			if meant := nearest.To(key.Text, known); meant != "" {
				remedy = fmt.Sprintf("did you mean %q?", meant)
			}
			r.wrong(CodeUnknownField, place, entry, fmt.Sprintf("%s has no field %q", what, key.Text), remedy)
		case twice:
			r.wrong(CodeRepeated, place, entry, fmt.Sprintf("%q stands here for the second time", key.Text), "keep one")
		default:
			value := n.Items[i]
			at[key.Text] = Pos{value.Line, value.Column}
			do(value)
		}
	}
	for _, key := range must {
		if _, ok := at[key]; !ok {
			r.wrong(CodeMissingField, here, entry, fmt.Sprintf("%s needs the field %q", what, key), "")
		}
	}
}

func (r *reader) entries(n *tree.Node) {
	if n.Kind != tree.List {
		r.wrong(CodeBadValue, Pos{n.Line, n.Column}, "", fmt.Sprintf("entries must be a list, not %v", n.Kind), `each entry begins with "- id:"`)
		return
	}
	r.policy.Entries = make([]Entry, 0, len(n.Items))
	for _, item := range n.Items {
		r.entry(item)
	}
	r.uniqueIDs()
}

func (r *reader) entry(n *tree.Node) {
	e := Entry{Level: Required, At: Pos{n.Line, n.Column}, at: make(map[string]Pos, 6)}
	if id := n.Field("id"); id != nil && badName(id.Text) == "" {
		e.ID = id.Text // first, so that what is wrong with the rest can name the row
	}
	mistakes := len(r.found)
	var purposes *tree.Node
	r.fields(n, e.ID, "an entry", e.at, map[string]func(*tree.Node){
		"id":            func(n *tree.Node) { e.ID = r.name(n, e.ID, "an entry's id") },
		"protocols":     func(n *tree.Node) { e.Protocols = r.protocols(n, e.ID) },
		"destinations":  func(n *tree.Node) { e.Destinations = r.destinations(n, e.ID) },
		"ports":         func(n *tree.Node) { e.Ports = r.ports(n, e.ID) },
		"purpose":       func(n *tree.Node) { purposes = n },
		"level":         func(n *tree.Node) { e.Level = Level(r.word(n, e.ID, "level", string(Required), string(Recommended))) },
		"superseded-by": func(n *tree.Node) { e.SupersededBy = r.text(n, e.ID, "superseded-by") },
		"as-of":         func(n *tree.Node) { e.AsOf = r.date(n, e.ID) },
	}, "id", "protocols", "destinations", "ports")
	if purposes != nil {
		r.purposes(purposes, &e)
	}
	e.broken = len(r.found) > mistakes
	r.policy.Entries = append(r.policy.Entries, e)
}

// purposes reads one text for all ports, or as many as there are groups of ports.
func (r *reader) purposes(n *tree.Node, e *Entry) {
	if n.Kind != tree.List {
		e.Purpose = r.text(n, e.ID, "purpose")
		return
	}
	if len(n.Items) != len(e.Ports) {
		r.wrong(CodeBadValue, Pos{n.Line, n.Column}, e.ID,
			fmt.Sprintf("%s for %s: a list of purposes has one for each item in the list of ports",
				count(len(n.Items), "purpose"), count(len(e.Ports), "group of ports", "groups of ports")),
			"write one text for all of them, or as many as there are groups")
		return
	}
	for i, item := range n.Items {
		e.Ports[i].Purpose = r.text(item, e.ID, "purpose")
	}
}

func (r *reader) uniqueIDs() {
	first := make(map[string]*Entry, len(r.policy.Entries))
	for i := range r.policy.Entries {
		e := &r.policy.Entries[i]
		if e.ID == "" {
			continue
		}
		if earlier, ok := first[e.ID]; ok {
			r.wrong(CodeRepeatedID, e.at["id"], e.ID, fmt.Sprintf("line %d has a row of this id already", earlier.At.Line), "give it another id")
			continue
		}
		first[e.ID] = e
	}
}
