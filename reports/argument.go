package reports

import (
	"fmt"
	"strings"

	messages "github.com/cucumber/messages/go/v34"

	"github.com/proxyspec/proxyspec/conformance/result"
)

// below writes what stands below a step as Gherkin, with an indent; "" if there is nothing.
func below(s result.Step, indent string) string {
	var b strings.Builder
	if d := s.DocString; d != nil {
		fmt.Fprintf(&b, "%s%s%s\n", indent, docDelimiter, d.MediaType)
		for line := range strings.Lines(strings.ReplaceAll(d.Content, docDelimiter, `\"\"\"`)) {
			b.WriteString(indent + strings.TrimRight(line, "\n") + "\n")
		}
		b.WriteString(indent + docDelimiter + "\n")
	}
	cell := strings.NewReplacer(`\`, `\\`, "|", `\|`, "\n", `\n`)
	for _, row := range s.Table {
		b.WriteString(indent + "|")
		for _, text := range row {
			b.WriteString(" " + cell.Replace(text) + " |")
		}
		b.WriteString("\n")
	}
	return b.String()
}

// docDelimiter is what a doc string stands between.
const docDelimiter = `"""`

// underStep is the location of what stands below a step's line.
func underStep(s result.Step, line int) *messages.Location {
	return &messages.Location{Line: int64(s.Line + line)}
}

func docString(s result.Step) *messages.DocString {
	if s.DocString == nil {
		return nil
	}
	return &messages.DocString{
		Location: underStep(s, 1), MediaType: s.DocString.MediaType, Content: s.DocString.Content, Delimiter: docDelimiter,
	}
}

func dataTable(s result.Step, id string) *messages.DataTable {
	if len(s.Table) == 0 {
		return nil
	}
	t := &messages.DataTable{Location: underStep(s, 1), Rows: []*messages.TableRow{}}
	for i, row := range s.Table {
		r := &messages.TableRow{Location: underStep(s, i+1), Cells: []*messages.TableCell{}, Id: fmt.Sprintf("%s/row-%d", id, i+1)}
		for _, text := range row {
			r.Cells = append(r.Cells, &messages.TableCell{Location: underStep(s, i+1), Value: text})
		}
		t.Rows = append(t.Rows, r)
	}
	return t
}

// argument is what a step hands to its definition besides the words.
func argument(s result.Step) *messages.PickleStepArgument {
	if s.DocString != nil {
		return &messages.PickleStepArgument{DocString: &messages.PickleDocString{MediaType: s.DocString.MediaType, Content: s.DocString.Content}}
	}
	if len(s.Table) == 0 {
		return nil
	}
	t := &messages.PickleTable{Rows: []*messages.PickleTableRow{}}
	for _, row := range s.Table {
		r := &messages.PickleTableRow{Cells: []*messages.PickleTableCell{}}
		for _, text := range row {
			r.Cells = append(r.Cells, &messages.PickleTableCell{Value: text})
		}
		t.Rows = append(t.Rows, r)
	}
	return &messages.PickleStepArgument{DataTable: t}
}
