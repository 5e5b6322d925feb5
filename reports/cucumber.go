package reports

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"slices"
	"strings"
	"time"

	messages "github.com/cucumber/messages/go/v34"

	"github.com/proxyspec/proxyspec/conformance/result"
)

// The official view: the script and the style sheet of the npm package @cucumber/html-formatter, which "make cucumber"
// fetches. Their licences lie beside them.
//
//go:embed cucumber/main.js cucumber/main.css
var cucumberFiles embed.FS

// ownStyle keeps a page as wide as its window: the formatter's boxes of full width have a border besides.
const ownStyle = "*{box-sizing:border-box}"

// CucumberHTML writes cucumber.html: the view of a run that people know from Cucumber, in one file.
func CucumberHTML(w io.Writer, run *result.Run) error {
	script, err := cucumberFiles.ReadFile("cucumber/main.js")
	if err != nil {
		return err
	}
	style, err := cucumberFiles.ReadFile("cucumber/main.css")
	if err != nil {
		return err
	}
	head := `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>` + html.EscapeString(headline(run)) + `</title>
<style>` + string(style) + ownStyle + `</style>
</head>
<body>
<div id="content"></div>
<script>
window.CUCUMBER_MESSAGES = [`
	if _, err := io.WriteString(w, head); err != nil {
		return err
	}
	first := true
	err = eachMessage(run, func(m *messages.Envelope) error {
		text, err := json.Marshal(m) // it escapes < and >: no text can end the script
		if err != nil {
			return err
		}
		if !first {
			text = append([]byte(",\n"), text...)
		}
		first = false
		_, err = w.Write(text)
		return err
	})
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "];\n</script>\n<script>\n%s\n</script>\n</body>\n</html>\n", bytes.TrimSpace(script))
	return err
}

// Messages writes messages.ndjson: the run as Cucumber Messages, a line each, of the version that godog brings.
func Messages(w io.Writer, run *result.Run) error {
	encoder := json.NewEncoder(w)
	return eachMessage(run, func(m *messages.Envelope) error { return encoder.Encode(m) })
}

// protocolVersion is that of the messages' schema.
const protocolVersion = "34.2.0"

// eachMessage tells a run as a stream of messages. Each case is a scenario of its own: the row of an outline is one,
// with its values put in.
func eachMessage(run *result.Run, say func(*messages.Envelope) error) error {
	stream := messageStream{run: run, say: say, at: run.Started}
	stream.send(&messages.Envelope{Meta: &messages.Meta{
		ProtocolVersion: protocolVersion,
		Implementation:  &messages.Product{Name: run.Tool.Name, Version: run.Tool.Version},
		Runtime:         &messages.Product{Name: "go", Version: run.Tool.GoVersion},
		Os:              &messages.Product{Name: run.Environment.OS},
		Cpu:             &messages.Product{Name: run.Environment.Arch},
	}})
	features := featuresOf(run.Cases)
	for _, f := range features {
		stream.feature(f)
	}
	stream.send(&messages.Envelope{TestRunStarted: &messages.TestRunStarted{Timestamp: stamp(stream.at)}})
	for _, c := range run.Cases {
		stream.plan(c)
	}
	for _, c := range run.Cases {
		stream.play(c)
	}
	stream.send(&messages.Envelope{TestRunFinished: &messages.TestRunFinished{
		Success: result.ExitCode(run) == result.ExitPassed, Timestamp: stamp(stream.at), Message: headline(run),
	}})
	return stream.err
}

// messageStream tells one thing after the other, until it can't.
type messageStream struct {
	run *result.Run
	say func(*messages.Envelope) error
	at  time.Time
	err error
}

func (s *messageStream) send(m *messages.Envelope) {
	if s.err == nil {
		s.err = s.say(m)
	}
}

// The IDs of what belongs to a case are made of its own.
func stepID(c result.Case, kind string, i int) string {
	return fmt.Sprintf("%s/%s-%d", c.ID, kind, i+1)
}

// feature tells of a file: its text as far as this run has it, the document, and what is to be tested of it.
func (s *messageStream) feature(f feature) {
	doc := &messages.Feature{
		Location: &messages.Location{Line: 1}, Tags: []*messages.Tag{}, Language: "en", Keyword: "Feature", Name: f.Name,
		Children: []*messages.FeatureChild{},
	}
	var pickles []*messages.Pickle
	var text strings.Builder
	fmt.Fprintf(&text, "Feature: %s\n", f.Name)
	for _, c := range f.Cases {
		scenario, pickle := scenarioOf(c)
		doc.Children = append(doc.Children, &messages.FeatureChild{Scenario: scenario})
		pickles = append(pickles, pickle)
		fmt.Fprintf(&text, "\n  %s\n  Scenario: %s\n", strings.Join(c.Tags, " "), c.Name)
		for _, step := range c.Steps {
			fmt.Fprintf(&text, "    %s %s\n%s", step.Keyword, step.Text, below(step, "      "))
		}
	}
	s.send(&messages.Envelope{Source: &messages.Source{Uri: f.Path, Data: text.String(), MediaType: messages.SourceMediaType_TEXT_X_CUCUMBER_GHERKIN_PLAIN}})
	s.send(&messages.Envelope{GherkinDocument: &messages.GherkinDocument{Uri: f.Path, Feature: doc, Comments: []*messages.Comment{}}})
	for _, p := range pickles {
		s.send(&messages.Envelope{Pickle: p})
	}
}

func scenarioOf(c result.Case) (*messages.Scenario, *messages.Pickle) {
	at := &messages.Location{Line: int64(c.Line)}
	scenario := &messages.Scenario{
		Location: at, Tags: []*messages.Tag{}, Keyword: "Scenario", Name: c.Name, Steps: []*messages.Step{},
		Examples: []*messages.Examples{}, Id: c.ID + "/scenario",
	}
	pickle := &messages.Pickle{
		Id: c.ID + "/pickle", Uri: c.Path, Location: at, Name: c.Name, Language: "en", Steps: []*messages.PickleStep{},
		Tags: []*messages.PickleTag{}, AstNodeIds: []string{scenario.Id},
	}
	for i, tag := range c.Tags {
		id := stepID(c, "tag", i)
		scenario.Tags = append(scenario.Tags, &messages.Tag{Location: at, Name: tag, Id: id})
		pickle.Tags = append(pickle.Tags, &messages.PickleTag{Name: tag, AstNodeId: id})
	}
	for i, step := range c.Steps {
		id := stepID(c, "step", i)
		scenario.Steps = append(scenario.Steps, &messages.Step{
			Location: &messages.Location{Line: int64(step.Line)}, Keyword: step.Keyword + " ", Text: step.Text, Id: id,
			DocString: docString(step), DataTable: dataTable(step, id),
		})
		pickle.Steps = append(pickle.Steps, &messages.PickleStep{
			AstNodeIds: []string{id}, Id: stepID(c, "pickle-step", i), Text: step.Text, Argument: argument(step),
		})
	}
	return scenario, pickle
}

func (s *messageStream) plan(c result.Case) {
	test := &messages.TestCase{Id: c.ID, PickleId: c.ID + "/pickle", TestSteps: []*messages.TestStep{}}
	for i := range c.Steps {
		test.TestSteps = append(test.TestSteps, &messages.TestStep{
			Id: stepID(c, "test", i), PickleStepId: stepID(c, "pickle-step", i), StepDefinitionIds: []string{},
			StepMatchArgumentsLists: []*messages.StepMatchArgumentsList{},
		})
	}
	s.send(&messages.Envelope{TestCase: test})
}

// play tells how a case went. Durations are those of the simulated world.
func (s *messageStream) play(c result.Case) {
	started := c.ID + "/started"
	s.send(&messages.Envelope{TestCaseStarted: &messages.TestCaseStarted{Id: started, TestCaseId: c.ID, Timestamp: stamp(s.at)}})
	told := slices.ContainsFunc(c.Steps, func(s result.Step) bool { return s.Error != "" })
	for i, step := range c.Steps {
		id := stepID(c, "test", i)
		s.send(&messages.Envelope{TestStepStarted: &messages.TestStepStarted{TestCaseStartedId: started, TestStepId: id, Timestamp: stamp(s.at)}})
		s.at = s.at.Add(step.Virtual)
		outcome, message := step.Outcome, step.Error
		if last := i == len(c.Steps)-1; last && c.Failure != nil && !told {
			message = c.Failure.Error()
			if outcome == result.Pass { // the case failed after its steps, or is judged otherwise than they are
				outcome = c.Outcome
			}
		}
		if message != "" && c.Failure != nil {
			message = strings.Join(append([]string{note(string(shown(c.Outcome)), c.Known)}, explain(c)...), "\n")
			s.attach(started, id, c)
		}
		s.send(&messages.Envelope{TestStepFinished: &messages.TestStepFinished{
			TestCaseStartedId: started, TestStepId: id, Timestamp: stamp(s.at),
			TestStepResult: &messages.TestStepResult{Duration: duration(step.Virtual), Message: message, Status: status(outcome)},
		}})
	}
	s.send(&messages.Envelope{TestCaseFinished: &messages.TestCaseFinished{TestCaseStartedId: started, Timestamp: stamp(s.at)}})
}

// attach links the evidence.
func (s *messageStream) attach(started, step string, c result.Case) {
	for _, name := range c.Evidence.Files() {
		s.send(&messages.Envelope{Attachment: &messages.Attachment{
			Body: name, ContentEncoding: messages.AttachmentContentEncoding_IDENTITY, MediaType: "text/uri-list",
			TestCaseStartedId: started, TestStepId: step,
		}})
	}
}

func status(o result.Outcome) messages.TestStepResultStatus {
	switch shown(o) {
	case result.Pass:
		return messages.TestStepResultStatus_PASSED
	case result.NotSupported, result.NotJudged, result.NotRun:
		return messages.TestStepResultStatus_SKIPPED
	case result.Undefined:
		return messages.TestStepResultStatus_UNDEFINED
	}
	return messages.TestStepResultStatus_FAILED
}

func stamp(t time.Time) *messages.Timestamp {
	return &messages.Timestamp{Seconds: t.Unix(), Nanos: int64(t.Nanosecond())}
}

func duration(d time.Duration) *messages.Duration {
	return &messages.Duration{Seconds: int64(d / time.Second), Nanos: int64(d % time.Second)}
}
