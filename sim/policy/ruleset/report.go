package ruleset

import (
	"encoding/xml"
	"fmt"
	"strings"
)

// mostLines is how much of what is open beyond need the text shows; JSON has all of it.
const mostLines = 30

// Text is the report for a terminal.
func (r *Report) Text() string {
	var b strings.Builder
	where := "packets that are forwarded"
	if r.Hook == Output {
		where = "packets that this machine sends"
	}
	fmt.Fprintf(&b, "%s against %s (%s; %s)\n\n", r.Policy, r.Ruleset, r.Kind, where)
	wide := 0
	for _, row := range r.Rows {
		wide = max(wide, len(row.ID))
	}
	counts := make(map[Status]int)
	for _, row := range r.Rows {
		counts[row.Status]++
		level := ""
		if row.Level != "required" {
			level = fmt.Sprintf(" (%s)", row.Level)
		}
		line := fmt.Sprintf("  %-*s  %-11s  %s%s", wide, row.ID, row.Status, row.Purpose, level)
		fmt.Fprintf(&b, "%s\n", strings.TrimRight(line, " "))
		for _, g := range row.Gaps {
			fmt.Fprintf(&b, "  %-*s    %s\n", wide, "", g.gap())
		}
	}
	if len(r.Sources) == 0 && r.bySource() {
		b.WriteString("\nThe rules tell sources apart: say where the clients are, with --source.\n")
	}
	r.rest(&b)
	fmt.Fprintf(&b, "\n%d rows: %d open, %d partly open, %d closed, %d undecided\n", len(r.Rows), counts[Open], counts[Partly], counts[Closed], counts[Undecided])
	return b.String()
}

// bySource tells whether a row is closed for some sources only.
func (r *Report) bySource() bool {
	for _, row := range r.Rows {
		for _, g := range row.Gaps {
			if g.Verdict == "drop" && !strings.HasPrefix(g.Source, "any") {
				return true
			}
		}
	}
	return false
}

// rest is what isn't about a row.
func (r *Report) rest(b *strings.Builder) {
	if len(r.Beyond) == 0 {
		b.WriteString("\nnothing is open beyond need\n")
	} else {
		b.WriteString("\nopen beyond need\n")
		for i, o := range r.Beyond {
			if i == mostLines {
				fmt.Fprintf(b, "  and %d more\n", len(r.Beyond)-i)
				break
			}
			fmt.Fprintf(b, "  %s\n", o.excess())
		}
	}
	if len(r.Unknown) > 0 {
		b.WriteString("\ncan't be told\n")
		for _, u := range r.Unknown {
			fmt.Fprintf(b, "  %s\n", u)
		}
	}
}

// excess is an opening beyond need, in one line.
func (o Opening) excess() string {
	if o.PartNeeded {
		return fmt.Sprintf("%v, of which the rows need a part, by %s", o, o.By)
	}
	return fmt.Sprintf("%v, by %s", o, o.By)
}

// gap is an opening of a row that isn't open for certain, in one line.
func (o Opening) gap() string {
	which := ""
	if o.Answers {
		which = " to answers and what follows"
	}
	if o.Verdict == "drop" {
		return fmt.Sprintf("closed%s: %v, by %s", which, o, o.By)
	}
	return fmt.Sprintf("can't be told%s: %v; %s", which, o, strings.Join(o.Doubts, "; "))
}

// JUnit is the report for CI: a test case for each row, and one for what is open beyond need, which fails if exact.
// Recommended rows and rows that can't be told are skipped when they aren't open.
func (r *Report) JUnit(exact bool) string {
	type failure struct {
		Message string `xml:"message,attr"`
		Text    string `xml:",chardata"`
	}
	type testCase struct {
		Class   string   `xml:"classname,attr"`
		Name    string   `xml:"name,attr"`
		Failure *failure `xml:"failure"`
		Skipped *failure `xml:"skipped"`
	}
	type suite struct {
		XMLName  xml.Name   `xml:"testsuite"`
		Name     string     `xml:"name,attr"`
		Tests    int        `xml:"tests,attr"`
		Failures int        `xml:"failures,attr"`
		Skipped  int        `xml:"skipped,attr"`
		Cases    []testCase `xml:"testcase"`
	}
	s := suite{Name: "proxyspec firewall check"}
	add := func(name, message string, lines []string, fails bool) {
		c := testCase{Class: r.Policy, Name: name}
		f := &failure{Message: message, Text: strings.Join(lines, "\n")}
		switch {
		case message == "":
		case fails:
			c.Failure = f
			s.Failures++
		default:
			c.Skipped = f
			s.Skipped++
		}
		s.Cases = append(s.Cases, c)
	}
	for _, row := range r.Rows {
		var lines []string
		for _, g := range row.Gaps {
			lines = append(lines, g.gap())
		}
		message := ""
		if row.Status != Open {
			message = string(row.Status)
		}
		add(fmt.Sprintf("row %s: %s", row.ID, row.Purpose), message, lines, row.Level == "required" && row.closed())
	}
	var lines []string
	for _, o := range r.Beyond {
		lines = append(lines, o.excess())
	}
	message := ""
	if len(lines) > 0 {
		message = "more is open than the rows need"
	}
	add("nothing is open beyond need", message, lines, exact)
	s.Tests = len(s.Cases)
	out, _ := xml.MarshalIndent(s, "", "  ") // strings and numbers alone
	return xml.Header + string(out) + "\n"
}
