package cli

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"

	"github.com/proxyspec/proxyspec/conformance/result"
	"github.com/proxyspec/proxyspec/relay/check"
)

// relaySchema names the version of the JSON report.
const relaySchema = "proxyspec.relay-check/v1"

// relayReport is what a check found.
type relayReport struct {
	Schema    string        `json:"schema"`
	Tool      result.Tool   `json:"tool"`
	Server    string        `json:"server"`
	Address   string        `json:"address"` // the one of the server's that was checked
	Transport string        `json:"transport"`
	Began     time.Time     `json:"began"`
	Took      time.Duration `json:"tookNanoseconds"`

	Passed     int `json:"passed"`
	Failed     int `json:"failed"`  // rows that are a MUST
	Advised    int `json:"advised"` // rows that failed and are a SHOULD
	NotOffered int `json:"notOffered"`
	Broken     int `json:"broken"`
	Repeated   int `json:"repeated"` // of those that passed: not at the first attempt
	NotRun     int `json:"notRun"`   // since the server was gone or the check was interrupted

	Rows []relayRow `json:"rows"`
}

type relayRow struct {
	ID          string        `json:"id"`
	Requirement string        `json:"requirement"`
	Section     string        `json:"section"`
	Level       string        `json:"level"` // MUST or SHOULD
	Sent        string        `json:"sent"`
	Expected    string        `json:"expected"`
	Outcome     check.Outcome `json:"outcome"`
	Got         string        `json:"got"`
	Attempts    int           `json:"attempts"`
	Lost        string        `json:"lost,omitempty"` // what the first of several attempts got
	Took        time.Duration `json:"tookNanoseconds"`
}

// repeated says what became of the first attempt.
func (r *relayRow) repeated() string {
	return fmt.Sprintf("at attempt %d; the first got: %s", r.Attempts, r.Lost)
}

func (r *relayReport) add(x check.Result, took time.Duration) {
	row := relayRow{x.ID, x.Requirement, x.Section, "MUST", x.Sends, x.Expects, x.Outcome, printable(x.Got), x.Attempts, printable(x.Lost), took}
	if x.Should {
		row.Level = "SHOULD"
	}
	r.Rows = append(r.Rows, row)
	switch {
	case x.Outcome == check.Pass:
		r.Passed++
		if x.Lost != "" {
			r.Repeated++
		}
	case x.Outcome == check.Fail && x.Should:
		r.Advised++
	case x.Outcome == check.Fail:
		r.Failed++
	case x.Outcome == check.NotOffered:
		r.NotOffered++
	default:
		r.Broken++
	}
}

// printable keeps what a server wrote from steering a terminal or breaking a file: every reason phrase is its.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsGraphic(r) || r == 0xFFFD { // controls above 0x7F, too: 0x9B is ESC and [; and marks that turn a line around
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, ""))
}

// verdict is the end of the command.
func (r *relayReport) verdict() error {
	switch {
	case r.Broken > 0:
		return &exit{code: result.ExitFault}
	case r.Failed > 0:
		return &exit{code: result.ExitFailed}
	case r.Passed == 0:
		return &exit{code: result.ExitPartial, err: errors.New("not one row could be judged")}
	}
	return nil
}

var relayFormats = map[string]func(io.Writer, relayReport) error{
	"text": writeRelayText, "json": writeRelayJSON, "junit": writeRelayJUnit,
}

// writeRelayText names what didn't pass under a line for each requirement, and then counts.
func writeRelayText(w io.Writer, r relayReport) error {
	var b strings.Builder
	for _, about := range check.Requirements {
		rows := r.rowsOf(about.ID)
		if len(rows) == 0 {
			continue
		}
		passed := 0
		for _, row := range rows {
			if row.Outcome == check.Pass {
				passed++
			}
		}
		fmt.Fprintf(&b, "%s  %-22s %3d of %-3d %s\n", about.ID, about.Section, passed, len(rows), about.Title)
		for _, row := range rows {
			switch {
			case row.Outcome == check.Pass && row.Lost != "":
				fmt.Fprintf(&b, "  pass         %s: %s\n", row.ID, row.repeated())
			case row.Outcome == check.Pass:
			case row.Outcome == check.NotOffered:
				fmt.Fprintf(&b, "  not offered  %s: %s\n", row.ID, row.Got)
			default:
				note := ""
				if row.Section != about.Section {
					note = "  (" + row.Section + ")"
				}
				if row.Level != "MUST" {
					note += "  (" + row.Level + ")"
				}
				fmt.Fprintf(&b, "  %-11s  %s%s\n      sent      %s\n      expected  %s\n      got       %s\n",
					row.Outcome, row.ID, note, row.Sent, row.Expected, row.Got)
			}
		}
	}
	fmt.Fprintf(&b, "\n%s\n", r.summary())
	if r.Repeated > 0 {
		fmt.Fprintf(&b, "%d of the rows that passed didn't at the first attempt: datagrams were lost on the way, or the server drops some\n", r.Repeated)
	}
	if asks := r.asks(); len(asks) > 0 {
		fmt.Fprintf(&b, "for rows that weren't judged give %s\n", strings.Join(asks, ", "))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// where is the server, and the address that its name was taken for.
func (r *relayReport) where() string {
	if r.Address == r.Server {
		return r.Server
	}
	return fmt.Sprintf("%s (%s)", r.Server, r.Address)
}

// summary is what was found, in a line.
func (r *relayReport) summary() string {
	text := fmt.Sprintf("%s over %s: %d passed, %d failed", r.where(), r.Transport, r.Passed, r.Failed)
	for _, more := range []struct {
		n    int
		what string
	}{{r.Advised, "differ from a SHOULD"}, {r.NotOffered, "not offered"}, {r.Broken, "could not be run"}, {r.NotRun, "not run"}} {
		if more.n > 0 {
			text += fmt.Sprintf(", %d %s", more.n, more.what)
		}
	}
	return text + fmt.Sprintf(" in %.1f s", r.Took.Seconds())
}

// asks is what the user could give to have more rows judged.
func (r *relayReport) asks() (asks []string) {
	for _, ask := range []struct{ why, flag string }{
		{check.NoOther, "--other USER:PASSWORD"}, {check.NoStranger, "--peer twice"}, {check.NoForbidden, "--forbidden ADDRESS"}, {check.NoQuota, "--quota N"},
		{check.QuotaReached, "a user with a larger quota"},
	} {
		n := 0
		for _, row := range r.Rows {
			if row.Outcome == check.NotOffered && row.Got == ask.why {
				n++
			}
		}
		if n > 0 {
			asks = append(asks, fmt.Sprintf("%s (%d)", ask.flag, n))
		}
	}
	return asks
}

func (r *relayReport) rowsOf(requirement string) (rows []relayRow) {
	for _, row := range r.Rows {
		if row.Requirement == requirement {
			rows = append(rows, row)
		}
	}
	return rows
}

func writeRelayJSON(w io.Writer, r relayReport) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(r)
}

// The elements of JUnit's format, as Jenkins has it.
type (
	relaySuite struct {
		XMLName  xml.Name        `xml:"testsuite"`
		Name     string          `xml:"name,attr"`
		Tests    int             `xml:"tests,attr"`
		Failures int             `xml:"failures,attr"`
		Errors   int             `xml:"errors,attr"`
		Skipped  int             `xml:"skipped,attr"`
		Time     string          `xml:"time,attr"`
		Cases    []relayTestCase `xml:"testcase"`
	}
	relayTestCase struct {
		Class   string        `xml:"classname,attr"`
		Name    string        `xml:"name,attr"`
		Time    string        `xml:"time,attr"`
		Failure *relayMessage `xml:"failure"`
		Error   *relayMessage `xml:"error"`
		Skipped *relayMessage `xml:"skipped"`
		Note    string        `xml:"system-out,omitempty"`
	}
	relayMessage struct {
		Message string `xml:"message,attr"`
		Text    string `xml:",chardata"`
	}
)

func writeRelayJUnit(w io.Writer, r relayReport) error {
	suite := relaySuite{
		Name: fmt.Sprintf("TURN server %s over %s", r.where(), r.Transport), Tests: len(r.Rows), Failures: r.Failed,
		Errors: r.Broken, Skipped: r.NotOffered + r.Advised, Time: fmt.Sprintf("%.3f", r.Took.Seconds()),
	}
	for _, row := range r.Rows {
		c := relayTestCase{Class: row.Requirement, Name: row.ID, Time: fmt.Sprintf("%.3f", row.Took.Seconds())}
		m := &relayMessage{row.Got, fmt.Sprintf("%s: sent %s; expected %s; got %s", row.Section, row.Sent, row.Expected, row.Got)}
		switch {
		case row.Outcome == check.Pass:
			if row.Lost != "" {
				c.Note = row.repeated()
			}
		case row.Outcome == check.Fail && row.Level == "MUST":
			c.Failure = m
		case row.Outcome == check.Fail, row.Outcome == check.NotOffered:
			c.Skipped = m
		default:
			c.Error = m
		}
		suite.Cases = append(suite.Cases, c)
	}
	if r.NotRun > 0 { // it has no other word for a suite that ended early
		suite.Tests++
		suite.Errors++
		suite.Cases = append(suite.Cases, relayTestCase{
			Class: "relay check", Name: "every row is run", Time: "0.000", Error: &relayMessage{fmt.Sprintf("%d rows were not run", r.NotRun), ""},
		})
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	e := xml.NewEncoder(w)
	e.Indent("", "  ")
	if err := e.Encode(suite); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}
