package catalogue

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"

	"github.com/proxyspec/proxyspec/conformance/result"
)

// Subjects are what a requirement can judge. Only the first decides an SDK's verdict.
var Subjects = []string{result.SubjectSDK, "firewall", "proxy", "relay", "tool"}

var (
	themeID       = regexp.MustCompile(`^CP-[A-Z]{2,6}$`)
	testName      = regexp.MustCompile(`^[a-z/]+\.Test[A-Z][A-Za-z]+$`)
	requirementID = regexp.MustCompile(`^CP-[A-Z]{2,6}-[0-9]{2}$`)
)

// The file as it is written.
type (
	document struct {
		Themes []themeEntry `yaml:"themes"`
	}
	themeEntry struct {
		ID           text               `yaml:"id"`
		Title        text               `yaml:"title"`
		Subject      text               `yaml:"subject"`
		Requirements []requirementEntry `yaml:"requirements"`
	}
	requirementEntry struct {
		ID        text   `yaml:"id"`
		Level     text   `yaml:"level"`
		Subject   text   `yaml:"subject"` // empty: the theme's
		Source    text   `yaml:"source"`
		Statement text   `yaml:"statement"`
		Observed  text   `yaml:"observed"`
		Tests     []text `yaml:"tests"` // none: scenarios prove it
	}
)

// text is a string that knows its line. A key that is missing leaves both zero.
type text struct {
	value string
	line  int
}

// UnmarshalYAML implements yaml.NodeUnmarshaler.
func (t *text) UnmarshalYAML(node ast.Node) error {
	t.line = node.GetToken().Position.Line
	if err := yaml.NodeToValue(node, &t.value); err != nil {
		return err
	}
	t.value = strings.TrimSpace(t.value)
	return nil
}

// parse reads a catalogue and reports everything that is wrong with it, not only what comes first. An
// error in the YAML itself ends the reading.
func parse(name string, source []byte) (*Catalogue, error) {
	var doc, second document
	decoder := yaml.NewDecoder(bytes.NewReader(source), yaml.Strict())
	if err := decoder.Decode(&doc); err != nil && !errors.Is(err, io.EOF) {
		if e := yaml.Error(nil); errors.As(err, &e) {
			return nil, fmt.Errorf("%s:%d: %s", name, e.GetToken().Position.Line, e.GetMessage())
		}
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if err := decoder.Decode(&second); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s: a second YAML document, after \"---\": it would not be read", name)
	}
	b := builder{file: name, catalogue: &Catalogue{byID: make(map[string]Requirement)}}
	for _, t := range doc.Themes {
		b.theme(t)
	}
	if len(doc.Themes) == 0 {
		b.wrong(1, "the catalogue has no themes")
	}
	if err := errors.Join(b.errs...); err != nil {
		return nil, err
	}
	return b.catalogue, nil
}

// builder turns what was written into a Catalogue and collects what is wrong with it.
type builder struct {
	file      string
	catalogue *Catalogue
	errs      []error
}

func (b *builder) wrong(line int, format string, args ...any) {
	b.errs = append(b.errs, fmt.Errorf("%s:%d: %s", b.file, line, fmt.Sprintf(format, args...)))
}

func (b *builder) theme(t themeEntry) {
	line := firstLine(t.ID, t.Title, t.Subject)
	switch {
	case !themeID.MatchString(t.ID.value):
		b.wrong(line, "theme ID %q is not of the form CP-FLOW", t.ID.value)
	case slices.ContainsFunc(b.catalogue.Themes, func(o Theme) bool { return o.ID == t.ID.value }):
		b.wrong(line, "theme %s stands here for the second time", t.ID.value)
	}
	if t.Title.value == "" {
		b.wrong(line, "theme %s has no title", t.ID.value)
	}
	b.subject(line, t.ID.value, t.Subject.value)
	if len(t.Requirements) == 0 {
		b.wrong(line, "theme %s has no requirements", t.ID.value)
	}
	theme := Theme{ID: t.ID.value, Title: t.Title.value}
	before := ""
	for _, r := range t.Requirements {
		theme.Requirements = append(theme.Requirements, b.requirement(t, before, r))
		before = r.ID.value
	}
	b.catalogue.Themes = append(b.catalogue.Themes, theme)
}

// requirement reads one entry; before is the ID of the entry above it in the same theme.
func (b *builder) requirement(t themeEntry, before string, e requirementEntry) Requirement {
	line := firstLine(e.ID, e.Level, e.Source, e.Statement, e.Observed)
	r := Requirement{
		ID: e.ID.value, Level: result.Level(e.Level.value), Subject: t.Subject.value,
		Source: e.Source.value, Statement: e.Statement.value, Observed: e.Observed.value, Line: line,
	}
	for _, test := range e.Tests {
		if !testName.MatchString(test.value) {
			b.wrong(test.line, "%s: test %q is not of the form conformance/suite.TestName", r.ID, test.value)
		}
		r.Tests = append(r.Tests, test.value)
	}
	if e.Subject.line != 0 {
		r.Subject = e.Subject.value
		b.subject(e.Subject.line, r.ID, r.Subject)
	}
	earlier, repeated := b.catalogue.byID[r.ID]
	switch {
	case !requirementID.MatchString(r.ID):
		b.wrong(line, "ID %q is not of the form CP-FLOW-01", r.ID)
	case r.ID[:len(r.ID)-len("-01")] != t.ID.value:
		b.wrong(line, "%s stands in theme %s", r.ID, t.ID.value)
	case repeated:
		b.wrong(line, "%s stands in line %d already: IDs are never used twice", r.ID, earlier.Line)
	case r.ID < before:
		b.wrong(line, "%s stands after %s: IDs ascend", r.ID, before)
	}
	b.catalogue.byID[r.ID] = r

	if r.Level != result.Must && r.Level != result.Should {
		b.wrong(max(e.Level.line, line), "%s: level %q is neither %s nor %s", r.ID, r.Level, result.Must, result.Should)
	}
	for _, field := range []struct {
		key string
		text
	}{{"source", e.Source}, {"statement", e.Statement}, {"observed", e.Observed}} {
		switch {
		case field.value == "":
			b.wrong(max(field.line, line), "%s has no %s", r.ID, field.key)
		case strings.Contains(field.value, "\n"):
			b.wrong(field.line, "%s: its %s has a line break; fold it with >-", r.ID, field.key)
		}
	}
	if s := r.Statement; s != "" && !strings.HasSuffix(s, ".") {
		b.wrong(e.Statement.line, "%s: its statement is not a sentence that ends with a full stop", r.ID)
	}
	return r
}

func (b *builder) subject(line int, id, subject string) {
	if !slices.Contains(Subjects, subject) {
		b.wrong(line, "%s: subject %q is none of %s", id, subject, strings.Join(Subjects, ", "))
	}
}

// firstLine is where an entry begins: the line of the first of its keys that is there.
func firstLine(keys ...text) int {
	first := 0
	for _, k := range keys {
		if k.line != 0 && (first == 0 || k.line < first) {
			first = k.line
		}
	}
	return first
}
