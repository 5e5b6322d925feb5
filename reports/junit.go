package reports

import (
	"encoding/xml"
	"fmt"
	"io"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/proxyspec/proxyspec/conformance/result"
)

// The elements of the JUnit format, as far as the schema of Jenkins (junit-10.xsd) and that of Ant agree.
// That schema knows properties of a suite but none of a case, so a case's requirements are its group, and with the
// command that replays it they are properties of the suite; both head its system-out, which ends with its evidence as
// [[ATTACHMENT|...]], the form that CI servers collect.
type (
	junitSuites struct {
		XMLName  xml.Name     `xml:"testsuites"`
		Name     string       `xml:"name,attr"`
		Time     string       `xml:"time,attr"`
		Tests    int          `xml:"tests,attr"`
		Failures int          `xml:"failures,attr"`
		Errors   int          `xml:"errors,attr"`
		Suites   []junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		Name       string          `xml:"name,attr"`
		File       string          `xml:"file,attr"`
		Tests      int             `xml:"tests,attr"`
		Failures   int             `xml:"failures,attr"`
		Errors     int             `xml:"errors,attr"`
		Skipped    int             `xml:"skipped,attr"`
		Time       string          `xml:"time,attr"`
		Timestamp  string          `xml:"timestamp,attr"`
		Properties []junitProperty `xml:"properties>property"`
		Cases      []junitCase     `xml:"testcase"`
	}
	junitProperty struct {
		Name  string `xml:"name,attr"`
		Value string `xml:"value,attr"`
	}
	junitCase struct {
		Name      string      `xml:"name,attr"`
		Classname string      `xml:"classname,attr"`
		Group     string      `xml:"group,attr,omitempty"`
		Time      string      `xml:"time,attr"`
		Skipped   *junitWhy   `xml:"skipped"`
		Error     *junitWhy   `xml:"error"`
		Failure   *junitWhy   `xml:"failure"`
		SystemOut junitOutput `xml:"system-out"`
	}
	junitWhy struct {
		Type    string `xml:"type,attr"`
		Message string `xml:"message,attr"`
		Text    string `xml:",cdata"`
	}
	junitOutput struct {
		Text string `xml:",cdata"`
	}
)

// JUnit writes junit.xml: a suite for each feature file, a testcase for each case.
//
// A failure is what the SDK or its ground did, and an unexpected pass, because its expectation must go. An
// error is a harness fault or an undefined case. Known failures and whatever stayed open are skipped, with
// the reason; nothing that did not pass looks as if it had.
func JUnit(w io.Writer, run *result.Run) error {
	root := junitSuites{Name: "proxyspec " + run.SDK.Selected, Time: seconds(run.Wall)}
	for _, f := range featuresOf(run.Cases) {
		s := junitSuiteOf(run, f)
		root.Tests += s.Tests
		root.Failures += s.Failures
		root.Errors += s.Errors
		root.Suites = append(root.Suites, s)
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	encoder := xml.NewEncoder(w)
	encoder.Indent("", "  ")
	if err := encoder.Encode(root); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

func junitSuiteOf(run *result.Run, f feature) junitSuite {
	s := junitSuite{
		Name: f.Name, File: f.Path, Tests: len(f.Cases),
		Timestamp: run.Started.UTC().Format("2006-01-02T15:04:05"),
		Properties: []junitProperty{
			{"tool", strings.TrimSpace(run.Tool.Name + " " + run.Tool.Version)},
			{"sdk", run.SDK.Selected},
			{"sdk.name", run.SDK.Name},
			{"sdk.version", run.SDK.Version},
			{"network", run.SDK.Network},
			{"seed", strconv.FormatUint(run.Seed, 10)},
			{"verdict", run.Verdict},
		},
	}
	catalogue := catalogueOf(run)
	names := make(map[string]int)
	var proved []string
	for _, c := range f.Cases {
		names[c.Name]++
		proved = append(proved, c.Requirements...)
	}
	for _, c := range f.Cases {
		s.Properties = append(s.Properties, junitProperty{"requirements of " + c.ID, strings.Join(c.Requirements, " ")})
		if c.Failure != nil && c.Failure.Replay != "" {
			s.Properties = append(s.Properties, junitProperty{"replay of " + c.ID, c.Failure.Replay})
		}
	}
	slices.Sort(proved)
	s.Properties = append(s.Properties, junitProperty{"requirements", strings.Join(slices.Compact(proved), " ")})
	var wall time.Duration
	for _, c := range f.Cases {
		wall += c.Wall
		t := junitCaseOf(c, catalogue)
		if names[c.Name] > 1 { // readers take two cases of one name for one
			t.Name = fmt.Sprintf("%s (line %d)", c.Name, c.Line)
		}
		switch {
		case t.Failure != nil:
			s.Failures++
		case t.Error != nil:
			s.Errors++
		case t.Skipped != nil:
			s.Skipped++
		}
		s.Cases = append(s.Cases, t)
	}
	s.Time = seconds(wall)
	return s
}

func junitCaseOf(c result.Case, catalogue map[string]result.Requirement) junitCase {
	t := junitCase{
		Name: c.Name, Classname: classname(c.Path), Group: strings.Join(c.Requirements, " "),
		Time: seconds(c.Wall), SystemOut: junitOutput{printable(evidence(c, catalogue))},
	}
	outcome := shown(c.Outcome)
	why := &junitWhy{Type: string(outcome), Message: string(outcome)}
	if c.Failure != nil {
		why.Message = note(why.Message, c.Known, c.Failure.Message)
		why.Text = printable(strings.Join(explain(c), "\n"))
	}
	switch outcome {
	case result.Pass:
	case result.Fail, result.UnexpectedPass:
		t.Failure = why
	case result.HarnessFault, result.Undefined:
		t.Error = why
	default:
		t.Skipped = why
	}
	return t
}

// classname makes "features/flow/lookup.feature" into "features.flow.lookup": CI servers show the part
// before the last dot as a package.
func classname(file string) string {
	file = strings.TrimSuffix(strings.TrimPrefix(path.Clean(file), "/"), ".feature")
	return strings.ReplaceAll(strings.ReplaceAll(file, ".", "_"), "/", ".")
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.3f", d.Seconds()) }
