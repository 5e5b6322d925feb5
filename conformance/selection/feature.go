package selection

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	gherkin "github.com/cucumber/gherkin/go/v42"
	messages "github.com/cucumber/messages/go/v34"
)

// feature is one feature file, read and found to be in order.
type feature struct {
	path   string
	blocks []block
	cases  []Case
	places []place // of cases, by index
}

// place is where a case stands in its file.
type place struct {
	block int // in feature.blocks
	row   int // its line, or 0
}

// reader turns files into features; it remembers the catalogue.
type reader struct {
	requirements []string
	isStep       func(words string) bool // nil: nobody can tell
}

// read makes the cases of one file. Its error has a line for each mistake.
func (r reader) read(from file) (*feature, error) {
	path := from.path
	text := strings.TrimPrefix(string(from.body), "\ufeff")
	doc, err := document(path, []byte(text))
	if err != nil {
		return nil, err
	}
	lines := strings.Split(text, "\n")
	f := &feature{path: path, blocks: blocks(doc, lines)}
	if err := r.check(path, doc, lines, f.blocks); err != nil {
		return nil, err
	}

	steps := make(map[string]*messages.Step)
	eachStep(doc, func(s *messages.Step) { steps[s.Id] = s })
	var names []name
	for _, pickle := range gherkin.Pickles(*doc, path, (&messages.Incrementing{}).NewId) {
		at := f.placeOf(pickle)
		f.places = append(f.places, at)
		c := Case{
			Feature: doc.Feature.Name,
			Name:    pickle.Name,
			Path:    path,
			Line:    int(pickle.Location.Line),
			Source:  isolate(lines, f.blocks, &f.blocks[at.block], at.row),
		}
		for _, tag := range pickle.Tags {
			if slices.Contains(c.Tags, tag.Name) {
				continue
			}
			c.Tags = append(c.Tags, tag.Name)
			if id := strings.TrimPrefix(tag.Name, "@"); slices.Contains(r.requirements, id) {
				c.Requirements = append(c.Requirements, id)
			}
		}
		c.Own = from.own() || len(c.Requirements) == 0
		for _, step := range pickle.Steps {
			c.Steps = append(c.Steps, newStep(step, steps[step.AstNodeIds[0]]))
		}
		f.cases = append(f.cases, c)
		names = append(names, nameOf(f.blocks[at.block].scenario, pickle))
	}
	if err := f.repeated(names); err != nil {
		return nil, err
	}
	for i, id := range caseIDs(from.id(), names) {
		f.cases[i].ID = id
	}
	return f, nil
}

func (f *feature) placeOf(pickle *messages.Pickle) place {
	var p place
	for i, b := range f.blocks {
		if b.scenario.Id == pickle.AstNodeIds[0] {
			p.block = i
		}
	}
	if len(pickle.AstNodeIds) > 1 {
		p.row = int(pickle.Location.Line)
	}
	return p
}

func newStep(s *messages.PickleStep, written *messages.Step) Step {
	step := Step{Keyword: strings.TrimSpace(written.Keyword), Text: s.Text, Line: int(written.Location.Line)}
	if s.Argument == nil {
		return step
	}
	if doc := s.Argument.DocString; doc != nil {
		step.DocString = &DocString{MediaType: doc.MediaType, Content: doc.Content}
	}
	if table := s.Argument.DataTable; table != nil {
		for _, row := range table.Rows {
			var cells []string
			for _, cell := range row.Cells {
				cells = append(cells, cell.Value)
			}
			step.Table = append(step.Table, cells)
		}
	}
	return step
}

// nameOf takes a row's values from the columns that the scenario's name doesn't mention: those that it
// mentions are in the pickle's name already.
func nameOf(s *messages.Scenario, pickle *messages.Pickle) name {
	n := name{scenario: pickle.Name, full: pickle.Name}
	for _, e := range s.Examples {
		for _, row := range e.TableBody {
			if len(pickle.AstNodeIds) < 2 || row.Id != pickle.AstNodeIds[1] {
				continue
			}
			for i, cell := range row.Cells {
				n.full += "\x00" + cell.Value
				if strings.Contains(s.Name, "<"+e.TableHeader.Cells[i].Value+">") {
					n.named = true
				} else {
					n.values = append(n.values, cell.Value)
				}
			}
		}
	}
	return n
}

// repeated refuses two cases of one name: their results could not be told apart.
func (f *feature) repeated(names []name) error {
	var all []error
	line := make(map[string]int)
	for i, n := range names {
		c := f.cases[i]
		if before, found := line[n.full]; found {
			all = append(all, fmt.Errorf("%s:%d: %q is a repetition of line %d; give it a name or values of its own", f.path, c.Line, c.Name, before))
			continue
		}
		line[n.full] = c.Line
	}
	return errors.Join(all...)
}

// eachStep visits the steps of scenarios and backgrounds, in the order of the file.
func eachStep(doc *messages.GherkinDocument, visit func(*messages.Step)) {
	part := func(b *messages.Background, s *messages.Scenario) {
		var steps []*messages.Step
		if b != nil {
			steps = b.Steps
		}
		if s != nil {
			steps = s.Steps
		}
		for _, step := range steps {
			visit(step)
		}
	}
	for _, child := range doc.Feature.Children {
		part(child.Background, child.Scenario)
		if child.Rule != nil {
			for _, inner := range child.Rule.Children {
				part(inner.Background, inner.Scenario)
			}
		}
	}
}

// at lists the cases that a line of the file selects: all of a scenario's from its tags to its last
// line, but within its examples only the table's, and on a row only the row's.
func (f *feature) at(line int) []Case {
	var cases []Case
	for i, c := range f.cases {
		p := f.places[i]
		b := f.blocks[p.block]
		if !b.holds(line) {
			continue
		}
		chosen := true
		for j, e := range b.examples {
			if !e.holds(line) {
				continue
			}
			chosen = e.holds(p.row)
			for _, row := range b.scenario.Examples[j].TableBody {
				if int(row.Location.Line) == line {
					chosen = p.row == line
				}
			}
		}
		if chosen {
			cases = append(cases, c)
		}
	}
	return cases
}
