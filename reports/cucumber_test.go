package reports_test

import (
	"bytes"
	"context"
	"encoding/xml"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/reports"
)

// TestMessagesAreWhatCucumberSays holds every line against the schema that the npm package @cucumber/messages publishes.
func TestMessagesAreWhatCucumberSays(t *testing.T) {
	file, err := os.Open("testdata/cucumber/messages.schema.json")
	require.NoError(t, err)
	defer file.Close()
	document, err := jsonschema.UnmarshalJSON(file)
	require.NoError(t, err)
	compiler := jsonschema.NewCompiler()
	require.NoError(t, compiler.AddResource("https://cucumber.io/schema/Envelope.schema.json", document))
	schema, err := compiler.Compile("https://cucumber.io/schema/Envelope.schema.json")
	require.NoError(t, err)
	var b bytes.Buffer
	require.NoError(t, reports.Messages(&b, sample()))
	for line := range strings.Lines(b.String()) {
		message, err := jsonschema.UnmarshalJSON(strings.NewReader(line))
		require.NoError(t, err)
		require.NoError(t, schema.Validate(message), line)
	}
	wrong, err := jsonschema.UnmarshalJSON(strings.NewReader(`{"testCase": {"id": "1"}}`))
	require.NoError(t, err)
	require.Error(t, schema.Validate(wrong), "the schema must be able to refuse")
}

// TestCucumberPage lets a browser render the official view.
func TestCucumberPage(t *testing.T) {
	chromium := findChromium()
	if chromium == "" || testing.Short() {
		t.Skip("no chromium on this machine, or -short")
	}
	dir := t.TempDir()
	var b bytes.Buffer
	require.NoError(t, reports.CucumberHTML(&b, sample()))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "cucumber.html"), b.Bytes(), 0o644))
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, chromium, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
		"--disable-background-networking", "--disable-component-update", "--disable-sync",
		"--user-data-dir="+filepath.Join(dir, "profile"), "--virtual-time-budget=5000", "--dump-dom",
		"file://"+filepath.Join(dir, "cucumber.html"))
	cmd.Env = append(os.Environ(), "HOME="+dir, "TMPDIR="+dir)
	dom, err := cmd.Output()
	require.NoError(t, err)
	content := string(dom[bytes.Index(dom, []byte(`<div id="content">`)):])
	require.Contains(t, content, "features/", "the view is there")
	require.Contains(t, content, "failed")
}

func TestBadgeIsXML(t *testing.T) {
	var b bytes.Buffer
	require.NoError(t, reports.Badge(&b, sample()))
	wellFormed(t, b.String())
}

// TestJUnitIsWhatItsSchemaAllows walks junit.xml with the rules of Jenkins' junit-10.xsd: which element may stand in
// which, with which attributes.
func TestJUnitIsWhatItsSchemaAllows(t *testing.T) {
	type rule struct{ attributes, required, children string }
	rules := map[string]rule{
		"testsuites": {"name time tests failures errors", "", "testsuite"},
		"testsuite": {"name tests failures errors group time skipped timestamp hostname id package file log url",
			"name tests failures errors", "testsuite properties testcase system-out system-err"},
		"properties": {"", "", "property"},
		"property":   {"name value", "name value", ""},
		"testcase":   {"name time classname group", "name", "skipped error failure system-out system-err"},
		"skipped":    {"type message", "", ""},
		"error":      {"type message", "", ""},
		"failure":    {"type message", "", ""},
		"system-out": {"", "", ""},
	}
	var b bytes.Buffer
	require.NoError(t, reports.JUnit(&b, sample()))
	require.Contains(t, b.String(), "[[ATTACHMENT|evidence/")
	require.Contains(t, b.String(), `<property name="replay of `)
	var stack []string
	decoder := xml.NewDecoder(&b)
	for {
		token, err := decoder.Token()
		if err != nil {
			break
		}
		switch e := token.(type) {
		case xml.StartElement:
			name := e.Name.Local
			r, known := rules[name]
			require.True(t, known, "element %s", name)
			if len(stack) > 0 {
				parent := stack[len(stack)-1]
				require.Contains(t, strings.Fields(rules[parent].children), name, "in %s", parent)
			}
			var has []string
			for _, a := range e.Attr {
				has = append(has, a.Name.Local)
				require.Contains(t, strings.Fields(r.attributes), a.Name.Local, "attribute of %s", name)
				if a.Name.Local == "time" && name != "testcase" {
					require.Regexp(t, `^[0-9]+(\.[0-9]{0,3})?$`, a.Value)
				}
			}
			require.Subset(t, has, strings.Fields(r.required), name)
			stack = append(stack, name)
		case xml.EndElement:
			stack = stack[:len(stack)-1]
		}
	}
	require.Empty(t, stack)
}
