package policy

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/proxyspec/proxyspec/sim/firewall"
)

// readTable reads a table as it is pasted from a web page, where a cell of several lines comes apart:
//
//	TCP 23.236.115.138 443, 4000
//	3433 - 3460
//	Message data transmission
//	Media data exchange
//
// A row begins with its protocol, then come destinations, ports and purpose. Of what follows, lines of ports are
// further groups of ports, and text belongs to the row as long as it has fewer purposes than groups. All else
// is left out, and the notes say so.
func (r *reader) readTable(text string) {
	r.policy.ID, r.policy.start = nameOf(r.policy.File), Pos{1, 1}
	t := tableReader{reader: r}
	for i, line := range strings.Split(text, "\n") {
		t.line = cursor{rest: strings.TrimRight(strings.Map(plainSpace, line), " \t\r"), at: Pos{i + 1, 1}}
		t.read()
	}
	t.finish()
	if len(r.policy.Entries) == 0 && len(r.found) == 0 {
		r.wrong(CodeSyntax, Pos{1, 1}, "", "no row of a table was found",
			"a row begins with TCP or UDP, then come a destination and ports; a policy file's name ends in .yaml")
	}
	r.understood()
}

// tableReader is at one line of a table.
type tableReader struct {
	*reader
	line     cursor
	row      *Entry // the row that is being read, or nil
	groups   int    // of ports that it has so far
	purposes []string
	mistakes int // when it began
}

// cursor walks a line and knows where it is.
type cursor struct {
	rest string
	at   Pos
}

const dash = `[-` + dashForms + `]`

const addressForm = `(?:\d+\.\d+\.\d+\.\d+|[0-9A-Fa-f]*:[0-9A-Fa-f:]*:[0-9A-Fa-f:]*)`

const blanks = " \t"

// plainSpace makes a space of those of other kinds that web pages have: a column counts the same.
func plainSpace(r rune) rune {
	if unicode.Is(unicode.Zs, r) {
		return ' '
	}
	return r
}

func (c *cursor) skip() { c.take(len(c.rest) - len(strings.TrimLeft(c.rest, blanks))) }

// take cuts off so many bytes.
func (c *cursor) take(n int) (taken string) {
	taken = c.rest[:n]
	c.at.Column += utf8.RuneCountInString(taken)
	c.rest = c.rest[n:]
	return taken
}

// match cuts off what an expression matches.
func (c *cursor) match(form *regexp.Regexp) string { return c.take(len(form.FindString(c.rest))) }

var (
	protocolCell = regexp.MustCompile(`(?i)^(tcp|udp)(\s*[/&,+]\s*(tcp|udp))?(?:[ \t]|$)`)
	headerLine   = regexp.MustCompile(`(?i)^protocols?\s+dest`)
	portsCell    = regexp.MustCompile(`^(?i:any|\d+(\s*` + dash + `\s*\d+)?(\s*[,;]\s*\d+(\s*` + dash + `\s*\d+)?)*)(?:[ \t,;]+|$)`)
	addressRange = regexp.MustCompile(`^[0-9A-Fa-f.:]*[.:][0-9A-Fa-f.:]*\s*` + dash + `\s*[0-9A-Fa-f.:]*[.:][0-9A-Fa-f.:]*(?:[ \t,;]+|$)`)
	bareRow      = regexp.MustCompile(`^(?:(?:\S+\s+)?` + addressForm + `\S*\s+(?i:any|tcp|udp|\d)|` + addressForm + `\S*$)`)
	word         = regexp.MustCompile(`^[^ \t,;]*[ \t,;]*`)
	maybePorts   = regexp.MustCompile(`(?i)^(to|through|thru|until|and|or|plus|bis|und|[^\pL\d])*\s*\d`)
	footnote     = regexp.MustCompile(`^\d[ \t]+\pL`) // no cloud service has a port of one digit
	testingOnly  = regexp.MustCompile(`(?i)\bfor test(ing|s)? only\b`)
)

func (t *tableReader) read() {
	t.line.skip()
	begin := t.line
	switch {
	case t.line.rest == "", headerLine.MatchString(t.line.rest):
	case protocolCell.MatchString(t.line.rest):
		t.finish()
		t.begin()
	case t.row != nil && t.groups == 0 && t.destination():
		t.destinationsAndPorts()
	case bareRow.MatchString(t.line.rest):
		t.finish()
		t.wrong(CodeBadValue, t.line.at, "", fmt.Sprintf("%q has an address, and doesn't begin with a protocol", shortened(t.line.rest)),
			"write TCP or UDP before it: a cell that is merged with others is copied once; if the line is no row, leave it out")
	case t.row == nil:
		t.leaveOut(begin)
	case t.groups > 0 && footnote.MatchString(t.line.rest):
		t.wrong(CodeBadValue, t.line.at, t.row.ID, fmt.Sprintf("%q may be a port or a footnote", shortened(t.line.rest)),
			"leave a footnote out; write a port and its purpose on the row's first line")
	case portsCell.MatchString(t.line.rest):
		t.ports()
	case len(t.purposes) < t.groups && maybePorts.MatchString(t.line.rest):
		t.notPorts(t.line.at, t.line.rest)
	case len(t.purposes) < t.groups:
		t.purposes = append(t.purposes, strings.Join(strings.Fields(t.line.rest), " "))
	default:
		t.finish()
		t.leaveOut(begin)
	}
}

// shortened is a line as a finding quotes it.
func shortened(line string) string {
	if runes := []rune(line); len(runes) > 60 {
		return string(runes[:57]) + "..."
	}
	return line
}

// leaveOut notes a line that belongs to no row. One that says what the list is for is understood.
func (t *tableReader) leaveOut(at cursor) {
	line := shortened(at.rest)
	if testingOnly.MatchString(at.rest) {
		t.policy.Stage = Test
		t.note(CodeUnderstood, at.at, "", fmt.Sprintf("stage: test, for it says %q", line))
		return
	}
	t.note(CodeLeftOut, at.at, "", fmt.Sprintf("left out, for it is no row: %q", line))
}

func (r *reader) note(code string, at Pos, entry, words string) {
	r.policy.Notes = append(r.policy.Notes, Finding{
		Code: code, Severity: SeverityNote, File: r.policy.File, Line: at.Line, Column: at.Column, Entry: entry, Words: words,
	})
}

// begin reads the first line of a row.
func (t *tableReader) begin() {
	t.row = &Entry{ID: fmt.Sprint("T", len(t.policy.Entries)+1), Level: Required, At: t.line.at, at: map[string]Pos{"id": t.line.at}}
	t.groups, t.purposes, t.mistakes = 0, nil, len(t.found)
	t.row.Protocols = protocolsIn(t.line.match(protocolCell))
	t.line.skip()
	t.destinationsAndPorts()
}

func protocolsIn(cell string) (out []firewall.Proto) {
	for _, name := range strings.FieldsFunc(cell, func(r rune) bool { return !('A' <= r && r <= 'Z' || 'a' <= r && r <= 'z') }) {
		if proto, ok := parseProto(name); ok && (len(out) == 0 || out[0] != proto) {
			out = append(out, proto)
		}
	}
	return out
}

func (t *tableReader) destinationsAndPorts() {
	for t.destination() {
	}
	switch {
	case len(t.row.Destinations) == 0:
		t.wrong(CodeBadValue, t.line.at, t.row.ID, fmt.Sprintf("%q is no destination", strings.TrimSpace(word.FindString(t.line.rest))),
			"after the protocol come an address, a network, a range or a domain name; if the line is no row, leave it out")
		t.row = nil
	case t.line.rest != "":
		t.ports()
	}
}

// destination reads one destination, if one stands here.
func (t *tableReader) destination() bool {
	form := word
	if addressRange.MatchString(t.line.rest) {
		form = addressRange
	}
	cell := strings.TrimRight(form.FindString(t.line.rest), blanks+",;")
	d, err := ParseDestination(cell)
	if err != nil {
		looksLikeOne := strings.Count(cell, ".") == 3 || strings.Contains(cell, "/")
		if len(t.row.Destinations) > 0 || !looksLikeOne {
			return false
		}
		t.reader.destination(cell, t.line.at, t.row.ID) // says what is wrong
		d = Destination{}
	}
	d.At = t.line.at
	t.row.Destinations = append(t.row.Destinations, d)
	t.line.match(form)
	return true
}

// ports reads a group of ports and the purpose beside it.
func (t *tableReader) ports() {
	at := t.line.at
	cell := strings.TrimRight(t.line.match(portsCell), blanks+",;")
	if cell == "" {
		t.wrong(CodeBadValue, at, t.row.ID, fmt.Sprintf("%q is no port", strings.TrimSpace(word.FindString(t.line.rest))),
			`after the destination come ports and ranges such as "443, 4000"`)
		t.row = nil
		return
	}
	t.groups++
	groups := t.portText(cell, at, t.row.ID)
	if strings.EqualFold(cell, "any") && t.groups > 1 {
		t.wrong(CodeBadValue, at, t.row.ID, `"any" beside other ports`, `leave the other ports out, or "any"`)
	}
	t.row.Ports = append(t.row.Ports, groups...)
	switch rest := strings.Join(strings.Fields(t.line.rest), " "); {
	case rest == "":
	case maybePorts.MatchString(rest):
		t.notPorts(t.line.at, rest)
	default:
		t.purposes = append(t.purposes, rest)
	}
}

// notPorts refuses to guess.
func (t *tableReader) notPorts(at Pos, text string) {
	t.wrong(CodeBadValue, at, t.row.ID, fmt.Sprintf("%q may be a port or a purpose", shortened(text)), "put commas between ports, and a dash within a range")
}

// finish closes the row.
func (t *tableReader) finish() {
	e := t.row
	if t.row = nil; e == nil {
		return
	}
	if t.groups == 0 {
		t.wrong(CodeMissingField, e.At, e.ID, "the row has no ports", `after the destination come ports and ranges such as "443, 4000", or "any"`)
	}
	e.setPurposes(t.purposes)
	e.broken = len(t.found) > t.mistakes
	t.policy.Entries = append(t.policy.Entries, *e)
}

// setPurposes gives each group of ports the purpose on its line, or the entry all of them.
func (e *Entry) setPurposes(purposes []string) {
	if len(purposes) != len(e.Ports) || len(purposes) == 1 {
		e.Purpose = strings.Join(purposes, " and ")
		return
	}
	for i := range e.Ports {
		e.Ports[i].Purpose = purposes[i]
	}
}

// understood notes each row as it was read, so that a person can compare, and puts together lines that were left
// out one after the other.
func (r *reader) understood() {
	for i := range r.policy.Entries {
		e := &r.policy.Entries[i]
		r.note(CodeUnderstood, e.At, e.ID, e.describe())
	}
	r.policy.Notes.sort()
	var out Findings
	for _, n := range r.policy.Notes {
		if k := len(out) - 1; n.Code == CodeLeftOut && k >= 0 && out[k].Code == CodeLeftOut && n.Line > out[k].Line {
			out[k].Words = fmt.Sprintf("left out lines %d to %d, which are no rows", out[k].Line, n.Line)
			continue
		}
		out = append(out, n)
	}
	r.policy.Notes = out
}

// describe is a row in one line: "TCP 23.236.115.138, 30 ports (443, 4000, 3433-3460): messages and media".
func (e *Entry) describe() string {
	var protos, dests []string
	for _, p := range e.Protocols {
		protos = append(protos, p.String())
	}
	for _, d := range e.Destinations {
		dests = append(dests, d.String())
	}
	out := strings.Join(protos, " and ") + " " + strings.Join(dests, ", ") + ", " + e.PortText()
	if n := e.ports().Count(); len(e.Ports) > 0 {
		out = strings.Join(protos, " and ") + " " + strings.Join(dests, ", ") + ", " + count(n, "port") + " (" + e.PortText() + ")"
	}
	if purpose := e.PurposeText(); purpose != "" {
		out += ": " + purpose
	}
	return out
}

// PortText is the entry's ports in their order: "443, 4000, 3433-3460", or "any port".
func (e *Entry) PortText() string {
	ranges := e.ranges()
	if len(ranges) == 0 {
		return "any port"
	}
	parts := make([]string, len(ranges))
	for i, r := range ranges {
		parts[i] = r.String()
	}
	return strings.Join(parts, ", ")
}
