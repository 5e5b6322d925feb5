package reports_test

import (
	"bytes"
	"encoding/xml"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/conformance/result"
	"github.com/proxyspec/proxyspec/reports"
)

// element is any XML element.
type element struct {
	XMLName  xml.Name
	Attrs    []xml.Attr `xml:",any,attr"`
	Children []element  `xml:",any"`
	Text     string     `xml:",chardata"`
}

func (e element) attr(name string) string {
	for _, a := range e.Attrs {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

func (e element) all(name string) (found []element) {
	for _, c := range e.Children {
		if c.XMLName.Local == name {
			found = append(found, c)
		}
	}
	return found
}

// junit10 is what junit-10.xsd of Jenkins' xUnit plugin allows, as far as we use it: CI refuses a whole
// file for one attribute that it doesn't know.
var junit10 = map[string]struct{ must, may, children string }{
	"testsuites": {must: "", may: "name time tests failures errors", children: "testsuite"},
	"testsuite": {
		must: "name tests failures errors", may: "group time skipped timestamp hostname id package file log url",
		children: "testsuite properties testcase system-out system-err",
	},
	"properties": {children: "property"},
	"property":   {must: "name value"},
	"testcase":   {must: "name", may: "time classname group", children: "skipped error failure system-out system-err"},
	"skipped":    {may: "type message"},
	"error":      {may: "type message"},
	"failure":    {may: "type message"},
	"system-out": {},
}

func conforms(t *testing.T, e element) {
	t.Helper()
	name := e.XMLName.Local
	rule, ok := junit10[name]
	require.True(t, ok, "an element <%s>", name)
	for _, must := range strings.Fields(rule.must) {
		require.True(t, slices.ContainsFunc(e.Attrs, func(a xml.Attr) bool { return a.Name.Local == must }), "<%s> needs %s", name, must)
	}
	for _, a := range e.Attrs {
		require.Contains(t, strings.Fields(rule.must+" "+rule.may), a.Name.Local, "an attribute of <%s>", name)
		if a.Name.Local == "time" {
			require.Regexp(t, regexp.MustCompile(`^[0-9]+\.[0-9]{3}$`), a.Value)
		}
	}
	for _, c := range e.Children {
		require.Contains(t, strings.Fields(rule.children), c.XMLName.Local, "a child of <%s>", name)
		conforms(t, c)
	}
}

func junitOf(t *testing.T, run *result.Run) element {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, reports.JUnit(&b, run))
	var root element
	d := xml.NewDecoder(&b)
	require.NoError(t, d.Decode(&root))
	_, err := d.Token()
	for err == nil {
		_, err = d.Token()
	}
	require.ErrorIs(t, err, io.EOF)
	return root
}

func TestJUnitConformsToTheSchema(t *testing.T) {
	root := junitOf(t, sample())
	require.Equal(t, "testsuites", root.XMLName.Local)
	conforms(t, root)
}

func TestJUnitCounts(t *testing.T) {
	root := junitOf(t, sample())
	sum := map[string]int{}
	for _, s := range root.all("testsuite") {
		have := map[string]int{"tests": len(s.all("testcase"))}
		for _, c := range s.all("testcase") {
			have["failures"] += len(c.all("failure"))
			have["errors"] += len(c.all("error"))
			have["skipped"] += len(c.all("skipped"))
		}
		for name, n := range have {
			require.Equal(t, strconv.Itoa(n), s.attr(name), "%s of %s", name, s.attr("name"))
			sum[name] += n
		}
	}
	// fail, fail, unexpected pass; harness fault, undefined; known failure, not supported, judged, run.
	require.Equal(t, map[string]int{"tests": 10, "failures": 3, "errors": 2, "skipped": 4}, sum)
	require.Equal(t, "10", root.attr("tests"))
	require.Equal(t, "3", root.attr("failures"))
	require.Equal(t, "2", root.attr("errors"))
}

func TestJUnitTellsEachOutcome(t *testing.T) {
	for outcome, want := range map[result.Outcome]string{
		result.Pass: "", result.Fail: "failure", result.UnexpectedPass: "failure",
		result.HarnessFault: "error", result.Undefined: "error", "": "error",
		result.KnownFailure: "skipped", result.NotSupported: "skipped", result.NotJudged: "skipped", result.NotRun: "skipped",
	} {
		run := judged([]result.Case{{ID: "a", Name: "a", Path: "a.feature", Feature: "A", Outcome: outcome}})
		c := junitOf(t, run).all("testsuite")[0].all("testcase")[0]
		var have string
		for _, child := range c.Children {
			if child.XMLName.Local != "system-out" {
				have += child.XMLName.Local
			}
		}
		require.Equal(t, want, have, "outcome %q", outcome)
	}
}

func TestJUnitNamesAreUnique(t *testing.T) {
	run := judged([]result.Case{
		{ID: "a/1", Name: "a row", Path: "features/flow/a.feature", Line: 7, Feature: "A", Outcome: result.Pass},
		{ID: "a/2", Name: "a row", Path: "features/flow/a.feature", Line: 8, Feature: "A", Outcome: result.Pass},
		{ID: "b/1", Name: "a row", Path: "features/flow/b.feature", Line: 7, Feature: "A", Outcome: result.Pass},
	})
	suites := junitOf(t, run).all("testsuite")
	require.Len(t, suites, 2)
	require.Equal(t, "a row (line 7)", suites[0].all("testcase")[0].attr("name"))
	require.Equal(t, "a row (line 8)", suites[0].all("testcase")[1].attr("name"))
	require.Equal(t, "a row", suites[1].all("testcase")[0].attr("name"))
	require.Equal(t, "features.flow.b", suites[1].all("testcase")[0].attr("classname"))
}

func TestJUnitSurvivesAnyBytes(t *testing.T) {
	run := judged([]result.Case{{
		ID: "a", Name: "\x00]]>\xff<&", Path: "a.feature", Feature: "A", Outcome: result.Fail,
		Failure: &result.Failure{Message: "\x1b[31m\x07", Actual: "\xfe"},
	}})
	conforms(t, junitOf(t, run))
}
