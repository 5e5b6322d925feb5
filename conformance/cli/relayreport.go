package cli

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

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
	Transport string        `json:"transport"`
	Began     time.Time     `json:"began"`
	Took      time.Duration `json:"tookNanoseconds"`

	Passed     int `json:"passed"`
	Failed     int `json:"failed"`
	NotOffered int `json:"notOffered"`
	Broken     int `json:"broken"`

	Rows []relayRow `json:"rows"`
}

type relayRow struct {
	ID          string        `json:"id"`
	Requirement string        `json:"requirement"`
	Section     string        `json:"section"`
	Sent        string        `json:"sent"`
	Expected    string        `json:"expected"`
	Outcome     check.Outcome `json:"outcome"`
	Got         string        `json:"got"`
}

func (r *relayReport) add(x check.Result) {
	r.Rows = append(r.Rows, relayRow{x.ID, x.Requirement, x.Section, x.Sends, x.Expects, x.Outcome, printable(x.Got)})
	switch x.Outcome {
	case check.Pass:
		r.Passed++
	case check.Fail:
		r.Failed++
	case check.NotOffered:
		r.NotOffered++
	default:
		r.Broken++
	}
}

// printable keeps what a server wrote from steering a terminal or breaking a file: every reason phrase is its.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7F || r == 0xFFFD {
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

// writeRelayText names what didn't pass, under a line for each requirement.
func writeRelayText(w io.Writer, r relayReport) error {
	var b strings.Builder
	for begin := 0; begin < len(r.Rows); {
		end := begin
		passed := 0
		for ; end < len(r.Rows) && r.Rows[end].Requirement == r.Rows[begin].Requirement; end++ {
			if r.Rows[end].Outcome == check.Pass {
				passed++
			}
		}
		fmt.Fprintf(&b, "%s  %-22s  %d of %d passed\n", r.Rows[begin].Requirement, r.Rows[begin].Section, passed, end-begin)
		for _, row := range r.Rows[begin:end] {
			switch row.Outcome {
			case check.Pass:
			case check.NotOffered:
				fmt.Fprintf(&b, "  not offered  %s: %s\n", row.ID, row.Got)
			default:
				fmt.Fprintf(&b, "  %-11s  %s\n      sent      %s\n      expected  %s\n      got       %s\n", row.Outcome, row.ID, row.Sent, row.Expected, row.Got)
			}
		}
		begin = end
	}
	fmt.Fprintf(&b, "\n%s over %s: %d passed, %d failed, %d not offered", r.Server, r.Transport, r.Passed, r.Failed, r.NotOffered)
	if r.Broken > 0 {
		fmt.Fprintf(&b, ", %d could not be run", r.Broken)
	}
	fmt.Fprintf(&b, " in %.1f s\n", r.Took.Seconds())
	_, err := io.WriteString(w, b.String())
	return err
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
		Failure *relayMessage `xml:"failure"`
		Error   *relayMessage `xml:"error"`
		Skipped *relayMessage `xml:"skipped"`
	}
	relayMessage struct {
		Message string `xml:"message,attr"`
		Text    string `xml:",chardata"`
	}
)

func writeRelayJUnit(w io.Writer, r relayReport) error {
	suite := relaySuite{
		Name: fmt.Sprintf("TURN server %s over %s", r.Server, r.Transport), Tests: len(r.Rows), Failures: r.Failed,
		Errors: r.Broken, Skipped: r.NotOffered, Time: fmt.Sprintf("%.3f", r.Took.Seconds()),
	}
	for _, row := range r.Rows {
		c := relayTestCase{Class: row.Requirement, Name: row.ID}
		m := &relayMessage{row.Got, fmt.Sprintf("%s: sent %s; expected %s; got %s", row.Section, row.Sent, row.Expected, row.Got)}
		switch row.Outcome {
		case check.Pass:
		case check.Fail:
			c.Failure = m
		case check.NotOffered:
			c.Skipped = m
		default:
			c.Error = m
		}
		suite.Cases = append(suite.Cases, c)
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
