package policy

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"

	"github.com/proxyspec/proxyspec/text/nearest"
)

// columns are the headings of a table in CSV, by the field that they mean. The document's own are among them.
var columns = map[string]string{
	"id": "id", "row": "id",
	"protocol": "protocols", "protocols": "protocols",
	"destination": "destinations", "destinations": "destinations",
	"port": "ports", "ports": "ports",
	"purpose": "purpose", "level": "level", "superseded-by": "superseded-by", "as-of": "as-of",
}

// wholeProtocols is a cell of protocols and nothing else: "TCP (not UDP)" is for a person to decide.
var wholeProtocols = regexp.MustCompile(`(?i)^(tcp|udp)((\s*[/&,;+]\s*|\s+(and\s+|or\s+)?)(tcp|udp))?$`)

// readCSV reads a table with a line of headings. Commas, semicolons or tabs stand between its cells, and a cell
// may have several lines.
func (r *reader) readCSV(text string) {
	r.policy.ID, r.policy.start = nameOf(r.policy.File), Pos{1, 1}
	lines := csv.NewReader(strings.NewReader(text))
	lines.Comma = delimiter(text)
	lines.FieldsPerRecord = -1
	head, err := lines.Read()
	if err != nil {
		r.csvError(err)
		return
	}
	fields, ok := r.headings(head, lines)
	if !ok {
		return
	}
	for {
		cells, err := lines.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			r.csvError(err)
			return
		}
		r.csvRow(fields, cells, lines)
	}
	r.uniqueIDs()
	r.understood()
}

// delimiter is the sign that stands most often in the first line.
func delimiter(text string) rune {
	first, _, _ := strings.Cut(text, "\n")
	best := ','
	for _, d := range ";\t" {
		if strings.Count(first, string(d)) > strings.Count(first, string(best)) {
			best = d
		}
	}
	return best
}

func (r *reader) csvError(err error) {
	var e *csv.ParseError
	switch {
	case errors.As(err, &e):
		r.wrong(CodeSyntax, Pos{e.Line, e.Column}, "", "not CSV: "+e.Err.Error(), "")
	case errors.Is(err, io.EOF):
		r.wrong(CodeSyntax, Pos{1, 1}, "", "the file is empty", `its first line has the headings "protocol,destination,ports,purpose"`)
	default:
		r.wrong(CodeSyntax, Pos{1, 1}, "", "not CSV: "+err.Error(), "")
	}
}

// headings finds what each column means; columns of others are left out, and the notes say so.
func (r *reader) headings(head []string, lines *csv.Reader) (fields []string, ok bool) {
	seen := make(map[string]bool)
	var strange []string
	for i, h := range head {
		field := columns[strings.ToLower(strings.Join(strings.Fields(h), "-"))]
		at := fieldPos(lines, i)
		switch {
		case field == "" && strings.TrimSpace(h) != "":
			strange = append(strange, h)
			r.note(CodeLeftOut, at, "", fmt.Sprintf("left out: the column %q", h))
		case field != "" && seen[field]:
			r.wrong(CodeRepeated, at, "", fmt.Sprintf("the column %q stands here for the second time", h), "keep one")
		}
		seen[field] = true
		fields = append(fields, field)
	}
	ok = true
	for _, must := range []string{"protocols", "destinations", "ports"} {
		if seen[must] {
			continue
		}
		remedy := ""
		if meant := nearest.To(must, strange); meant != "" {
			remedy = fmt.Sprintf("is it %q?", meant)
		}
		r.wrong(CodeMissingField, Pos{1, 1}, "", fmt.Sprintf("no column %q among the headings", must), remedy)
		ok = false
	}
	return fields, ok
}

// fieldPos is where a cell of the line that was read last begins; the reader counts in bytes.
func fieldPos(lines *csv.Reader, i int) Pos {
	line, column := lines.FieldPos(i)
	return Pos{line, column}
}

func (r *reader) csvRow(fields, cells []string, lines *csv.Reader) {
	blank := true
	for _, cell := range cells {
		blank = blank && strings.TrimSpace(cell) == ""
	}
	if blank {
		return
	}
	at, mistakes := fieldPos(lines, 0), len(r.found)
	e := Entry{ID: fmt.Sprint("T", len(r.policy.Entries)+1), Level: Required, At: at, at: make(map[string]Pos)}
	values := make(map[string]string)
	for i, cell := range cells {
		if i >= len(fields) {
			r.wrong(CodeBadValue, fieldPos(lines, i), "", fmt.Sprintf("the cell %q stands under no heading", cell), "put cells with commas in quotes")
			break
		}
		if cell = strings.TrimSpace(cell); cell != "" && fields[i] != "" {
			values[fields[i]], e.at[fields[i]] = cell, fieldPos(lines, i)
		}
	}
	if id, ok := values["id"]; ok {
		if words := badName(id); words == "" {
			e.ID = id
		} else {
			r.wrong(CodeBadValue, e.at["id"], "", fmt.Sprintf("an entry's id, %q, %s", id, words), "")
		}
	}
	for _, must := range []string{"protocols", "destinations", "ports"} {
		if values[must] == "" {
			r.wrong(CodeMissingField, at, e.ID, fmt.Sprintf("the row has no %s", must), "")
		}
	}
	r.csvCells(&e, values)
	e.broken = len(r.found) > mistakes
	r.policy.Entries = append(r.policy.Entries, e)
}

// csvCells reads the cells of a row; those that are empty are not among the values.
func (r *reader) csvCells(e *Entry, values map[string]string) {
	if cell, ok := values["protocols"]; ok {
		if e.Protocols = protocolsIn(cell); !wholeProtocols.MatchString(cell) {
			r.wrong(CodeBadValue, e.at["protocols"], e.ID, fmt.Sprintf("%q is no protocol of a policy", cell), "write TCP, UDP or TCP/UDP")
		}
	}
	for _, text := range strings.FieldsFunc(values["destinations"], func(c rune) bool { return strings.ContainsRune(",;\n\r", c) }) {
		if text = strings.TrimSpace(text); text == "" {
			continue
		}
		if d, ok := r.destination(text, e.at["destinations"], e.ID); ok {
			e.Destinations = append(e.Destinations, d)
		}
	}
	if cell, ok := values["ports"]; ok {
		e.Ports = r.portText(cell, e.at["ports"], e.ID)
	}
	var purposes []string
	for line := range strings.Lines(values["purpose"]) {
		if line = strings.Join(strings.Fields(line), " "); line != "" {
			purposes = append(purposes, line)
		}
	}
	e.setPurposes(purposes)
	e.SupersededBy = values["superseded-by"]
	if cell, ok := values["level"]; ok {
		if e.Level = Level(strings.ToLower(cell)); e.Level != Required && e.Level != Recommended {
			r.wrong(CodeBadValue, e.at["level"], e.ID, fmt.Sprintf("%q is no level", cell), "write required or recommended")
		}
	}
	if cell, ok := values["as-of"]; ok {
		e.AsOf = r.day(cell, e.at["as-of"], e.ID)
	}
}
