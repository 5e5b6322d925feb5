package selection

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

	gherkin "github.com/cucumber/gherkin/go/v42"
	messages "github.com/cucumber/messages/go/v34"
)

// longestLine is the scanner's limit in the Gherkin library, which panics on a longer one (v42.0.0).
const longestLine = 64<<10 - 2

// document reads a feature file. Its error has a line for each mistake: "PATH:LINE: what is wrong".
func document(path string, source []byte) (*messages.GherkinDocument, error) {
	for i, line := range bytes.Split(source, []byte("\n")) {
		switch {
		case len(line) > longestLine:
			return nil, fmt.Errorf("%s:%d: the line has %d bytes; a line may have %d", path, i+1, len(line), longestLine)
		case !utf8.Valid(line):
			return nil, fmt.Errorf("%s:%d: the line isn't UTF-8; save the file in that encoding", path, i+1)
		}
	}
	doc, err := gherkin.ParseGherkinDocument(bytes.NewReader(source), (&messages.Incrementing{}).NewId)
	if err != nil {
		return nil, mistakes(path, err)
	}
	if doc.Feature == nil {
		return nil, fmt.Errorf("%s:1: the file has no feature; begin it with a line such as %q", path, "Feature: behind the firewall")
	}
	return doc, nil
}

var (
	mistakeLine   = regexp.MustCompile(`^\((\d+):\d+\): (.*)$`)
	unexpected    = regexp.MustCompile(`^expected: (.*), got '\s*(.*)'$`)
	unexpectedEnd = regexp.MustCompile(`^unexpected end of file, expected: (.*)$`)
)

// mostMistakes are shown of one file: after the first, the parser often takes offence at every line below.
const mostMistakes = 3

// mistakes puts the Gherkin library's words ("expected: #EOF, #StepLine, ..., got 'x'") into ours. What it
// can't read it passes on.
func mistakes(path string, err error) error {
	var all []error
	for line := range strings.Lines(err.Error()) {
		line = strings.TrimRight(line, "\n")
		if line == "Parser errors:" {
			continue
		}
		m := mistakeLine.FindStringSubmatch(line)
		if m == nil {
			all = append(all, fmt.Errorf("%s: %s", path, line))
			continue
		}
		text := m[2]
		if u := unexpected.FindStringSubmatch(text); u != nil {
			text = fmt.Sprintf("%q can't stand here; expected %s", u[2], alternatives(u[1]))
		} else if u := unexpectedEnd.FindStringSubmatch(text); u != nil {
			text = "the file ends too early; expected " + alternatives(u[1])
		}
		all = append(all, fmt.Errorf("%s:%s: %s", path, m[1], text))
	}
	if len(all) > mostMistakes {
		all = append(all[:mostMistakes], fmt.Errorf("%s: and %d more", path, len(all)-mostMistakes))
	}
	return errors.Join(all...)
}

// alternatives names what the parser would have taken, in the words of someone who writes features.
func alternatives(tokens string) string {
	words := map[string]string{
		"#FeatureLine": `"Feature:"`, "#RuleLine": `"Rule:"`, "#BackgroundLine": `"Background:"`,
		"#ScenarioLine": `"Scenario:"`, "#ExamplesLine": `"Examples:"`, "#StepLine": "a step (Given, When, Then, And, But)",
		"#TagLine": "a tag", "#TableRow": "a table row", "#DocStringSeparator": `"""`, "#EOF": "the end of the file",
		"#Other": "text",
		// A comment, an empty line or the language is never what someone forgot.
		"#Comment": "", "#Empty": "", "#Language": "",
	}
	var named []string
	for token := range strings.SplitSeq(tokens, ", ") {
		word, known := words[token]
		if !known {
			word = token
		}
		if word != "" {
			named = append(named, word)
		}
	}
	if last := len(named) - 1; last > 0 {
		return strings.Join(named[:last], ", ") + " or " + named[last]
	}
	return strings.Join(named, "")
}
