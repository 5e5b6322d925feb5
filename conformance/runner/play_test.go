package runner

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/conformance/result"
)

// soon is the watchdog of cases that freeze on purpose, in real time.
const soon = 200 * time.Millisecond

func outcomes(c *result.Case) []result.Outcome {
	var all []result.Outcome
	for _, s := range c.Steps {
		all = append(all, s.Outcome)
	}
	return all
}

func TestPlay(t *testing.T) {
	const pass, fail, fault, undefined, notRun = result.Pass, result.Fail, result.HarnessFault, result.Undefined, result.NotRun
	for _, tc := range []struct {
		scenario string
		sdk      string
		outcome  result.Outcome
		steps    []result.Outcome
		message  string
		actual   string
		retire   string
	}{
		{scenario: "s: nothing happens; 10 minutes pass; nothing happens", outcome: pass, steps: []result.Outcome{pass, pass, pass}},
		{scenario: "s: nothing happens; it fails; nothing happens", outcome: fail, steps: []result.Outcome{pass, fail, notRun}, message: "it was so"},
		{scenario: "s: it fails well", outcome: fail, steps: []result.Outcome{fail}, message: "direct media", actual: "3"},
		{scenario: `s: it ends as "not supported"; nothing happens`, outcome: result.NotSupported, steps: []result.Outcome{result.NotSupported, notRun}, message: "so be it"},
		{scenario: `s: it ends as "not judged"`, outcome: result.NotJudged, steps: []result.Outcome{result.NotJudged}, message: "so be it"},
		{scenario: `s: it ends as "harness fault"`, outcome: fault, steps: []result.Outcome{fault}, message: "so be it"},
		{scenario: `s: it ends as "undefined"; nothing happens`, outcome: undefined, steps: []result.Outcome{undefined, notRun}, message: "so be it"},
		{scenario: `s: it ends as "pass"`, outcome: fault, steps: []result.Outcome{fault}, message: `a step can't end as "pass": so be it`},

		{scenario: "s: nothing happens; nobody knows this", outcome: undefined, steps: []result.Outcome{notRun, undefined}, message: `no step definition matches "nobody knows this"; "proxyspec steps" lists them all`},
		{scenario: "s: nothing hapens; it fails", outcome: undefined, steps: []result.Outcome{undefined, notRun}, message: `no step definition matches "nothing hapens"; did you mean: nothing happens?; "proxyspec steps" lists them all`},
		{scenario: "s: nothing hapens; it fales", outcome: undefined, steps: []result.Outcome{undefined, undefined}, message: "lists them all\nno step definition matches \"it fales\"; did you mean: it fails?;"},
		{scenario: "s: 3 weeks pas", outcome: undefined, steps: []result.Outcome{undefined}, message: "; did you mean: <number> (seconds|minutes|hours) pass?;"},
		{scenario: "s: nothing happens; it is pending; nothing happens", outcome: undefined, steps: []result.Outcome{pass, undefined, notRun}, message: "the step is pending: step implementation is pending"},
		{scenario: "s: it skips; nothing happens", outcome: undefined, steps: []result.Outcome{undefined, notRun}, message: "the step is skipped: not today: skipped"},
		{scenario: "s: nothing happens; it skips", outcome: undefined, steps: []result.Outcome{pass, undefined}, message: "the step is skipped: not today: skipped"},
		{scenario: "s: nothing happens; this is ambiguous", outcome: undefined, steps: []result.Outcome{notRun, undefined}, message: `"this is ambiguous" is ambiguous: ^(this|that) is ambiguous$ and ^this is (.*)$ match it`},
		{scenario: "s: the text is", outcome: undefined, steps: []result.Outcome{undefined}, message: `"the text is" takes a doc string below it, and here has nothing`},
		{scenario: "  Scenario: s\n    Given nothing happens\n      | a |", outcome: undefined, steps: []result.Outcome{undefined}, message: `"nothing happens" takes nothing below it, and here has a table`},
		{scenario: "s: the small number is 500", outcome: undefined, steps: []result.Outcome{undefined}, message: `cannot convert argument 0: "500" to int8: strconv.ParseInt: parsing "500": value out of range`},

		{scenario: "s: it panics; nothing happens", outcome: fault, steps: []result.Outcome{fault, notRun}, message: "panic: ouch", actual: "runner.(*toy).Definitions"},
		{scenario: "s: it calls t.Fatal; nothing happens", outcome: fault, steps: []result.Outcome{fault, notRun}, message: "the goroutine ended itself, as t.Fatal does, and gave no answer", actual: "FailNow"},
		{scenario: "s: it waits for a real pipe; nothing happens", outcome: fault, steps: []result.Outcome{fault, notRun}, message: "bubble: frozen: ", actual: "realPipe", retire: "its bubble froze"},
		{scenario: "s: a lock is held across a sleep", outcome: fault, steps: []result.Outcome{fault}, message: "heldLock at runner/toy_test.go:", actual: "heldLock", retire: "its bubble froze"},

		{scenario: "s: a goroutine ends with the world", outcome: pass, steps: []result.Outcome{pass}},
		{scenario: "s: a goroutine is left; nothing happens", outcome: fault, steps: []result.Outcome{pass, pass}, message: "end the bubble: bubble: 1 goroutine left at the end\n  github.com/proxyspec/proxyspec/conformance/runner.leftover at runner/toy_test.go:", actual: "leftover", retire: "its bubble has goroutines left"},
		{scenario: "s: a goroutine is left; it fails", outcome: fail, steps: []result.Outcome{pass, fail}, message: "it was so; besides, end the bubble: bubble: 1 goroutine left at the end", retire: "its bubble has goroutines left"},

		{scenario: "s: nothing happens", sdk: "unmakable", outcome: fault, steps: []result.Outcome{notRun}, message: "make the world: no such SDK"},
		{scenario: "s: nothing happens", sdk: "unsupported", outcome: result.NotSupported, steps: []result.Outcome{notRun}, message: "make the world: the SDK has no network"},
		{scenario: "s: nothing happens", sdk: "explosive", outcome: fault, steps: []result.Outcome{notRun}, message: "make the world: panic: ouch", actual: "newToy"},
		{scenario: "s: nothing happens", sdk: "clingy", outcome: fault, steps: []result.Outcome{pass}, message: "close the world: the door is stuck"},
		{scenario: "s: it fails", sdk: "clingy", outcome: fail, steps: []result.Outcome{fail}, message: "it was so; besides, close the world: the door is stuck"},
		{scenario: "s: nothing happens", sdk: "forgetful", outcome: fault, steps: []result.Outcome{pass}, message: "gather the evidence: panic: what evidence?"},
	} {
		t.Run(tc.scenario+" "+tc.sdk, func(t *testing.T) {
			watchdog := 10 * time.Second
			if tc.retire == "its bubble froze" {
				watchdog = soon
			}
			c, retire := playCase(newToy, Job{Case: cases(t, tc.scenario)[0], SDK: tc.sdk, Seed: 7, Replay: "again"}, watchdog, nil)
			require.Equal(t, tc.outcome, c.Outcome, c.Failure)
			require.Equal(t, tc.steps, outcomes(c))
			require.Equal(t, tc.retire, retire)
			if tc.outcome == pass {
				require.Nil(t, c.Failure)
				return
			}
			require.Contains(t, c.Failure.Message, tc.message)
			require.Contains(t, c.Failure.Actual, tc.actual)
			require.Equal(t, "again", c.Failure.Replay)
			for _, s := range c.Steps {
				require.Equal(t, s.Outcome != pass && s.Outcome != notRun, s.Error != "", s.Text)
			}
		})
	}
}

func TestPlayTakesDownTimesAndEvidence(t *testing.T) {
	job := Job{Case: cases(t, "s: 10 minutes pass; 5 seconds pass; it fails well")[0], Seed: 7}
	c, _ := playCase(newToy, job, time.Second, nil)
	require.Equal(t, 10*time.Minute, c.Steps[0].Virtual)
	require.Equal(t, 5*time.Second, c.Steps[1].Virtual)
	require.Zero(t, c.Steps[2].Virtual)
	require.Equal(t, "direct media: expected 0, got 3", c.Steps[2].Error)
	require.Equal(t, "it fails well", c.Failure.Step)
	require.Equal(t, "no proxy", c.Failure.Cause)
	require.Equal(t, 605*time.Second, c.Virtual)
	require.Less(t, c.Wall, time.Second)
	require.Equal(t, "fail after 10m5s, 3 steps, seed 7", c.Evidence.Timeline)
}

// TestPlayPassesArgumentsOn takes words through selection, godog and reflection and looks at what a step gets.
func TestPlayPassesArgumentsOn(t *testing.T) {
	for _, tc := range []struct{ name, scenario, want string }{
		{"a string", "  Scenario: s\n    When it says \"a \\\"b\\\" | c # d <e> \\n @f é\u00a0z\"", `a \"b\" | c # d <e> \n @f é` + "\u00a0z"},
		{"a newline in a row", "  Scenario Outline: s\n    When it says \"<x>\"\n    Examples:\n      | x |\n      | a\\|b\\\\c |", `a|b\c`},
		{"a doc string", "  Scenario: s\n    When the text is\n      \"\"\"json\n      Scenario: \\\"\\\"\\\"\n        | x |\n\n      # y\n      \"\"\"",
			`"json" "Scenario: \"\"\"\n  | x |\n\n# y"`},
		{"a doc string with another fence", "  Scenario: s\n    When the text is\n      ```\n      \"\"\"\n      ```", `"" "\"\"\""`},
		{"a table", "  Scenario: s\n    When the table is\n      | a \\| b | \\\\ | \\n |\n      |  | <x> | é |", `["a | b" "\\" "\n"] ["" "<x>" "é"]`},
		{"a table in a row", "  Scenario Outline: s\n    When the table is\n      | <x> |\n    Examples:\n      | x |\n      | \\n |", `["\n"]`},
		{"a background", "  Background:\n    Given nothing happens\n  Rule: r\n    Background:\n      Given 3 seconds pass\n    Scenario: s\n      When it says \"end\"", "end"},
		{"another language", "", "ja"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			chosen := cases(t, "x: nothing happens")
			switch {
			case tc.scenario == "":
				chosen[0].Source = "# language: de\nFunktionalität: x\n  Szenario: y\n    Angenommen it says \"ja\"\n"
				chosen[0].Steps[0].Text = `it says "ja"`
			default:
				chosen = cases(t, tc.scenario)
			}
			c, retire := playCase(newToy, Job{Case: chosen[0]}, time.Second, nil)
			require.Empty(t, retire)
			require.Equal(t, result.Fail, c.Outcome, c.Failure)
			require.Equal(t, tc.want, c.Failure.Message)
		})
	}
}

// TestPlayRefusesAnotherScenario gives it a source that isn't the case.
func TestPlayRefusesAnotherScenario(t *testing.T) {
	for name, source := range map[string]string{
		"another step":  "Feature: x\n  Scenario: y\n    Given it fails\n",
		"a step more":   "Feature: x\n  Scenario: y\n    Given nothing happens\n    And nothing happens\n",
		"two scenarios": "Feature: x\n  Scenario: y\n    Given nothing happens\n  Scenario: z\n    Given nothing happens\n",
		"none":          "Feature: x\n",
		"no Gherkin":    "nothing happens",
	} {
		t.Run(name, func(t *testing.T) {
			job := Job{Case: cases(t, "s: nothing happens")[0]}
			job.Case.Source = source
			c, _ := playCase(newToy, job, time.Second, nil)
			require.Equal(t, result.HarnessFault, c.Outcome)
		})
	}
}

func TestCaseSeed(t *testing.T) {
	require.Equal(t, uint64(0x3b0c3a0655549), CaseSeed(1, "flow/lookup/a")) // pinned: replays of published reports depend on it
	require.NotEqual(t, CaseSeed(1, "a"), CaseSeed(2, "a"))
	require.NotEqual(t, CaseSeed(1, "a"), CaseSeed(1, "b"))
	for seed := range uint64(1000) {
		require.Less(t, CaseSeed(seed, "x"), uint64(1)<<53)
	}
}

func BenchmarkPlay(b *testing.B) {
	for name, scenario := range map[string]string{
		"three trivial steps": "s: nothing happens; nothing happens; nothing happens",
		"ten virtual minutes": "s: 10 minutes pass",
	} {
		b.Run(strings.ReplaceAll(name, " ", "-"), func(b *testing.B) {
			job := Job{Case: cases(b, scenario)[0]}
			for b.Loop() {
				if c, _ := playCase(newToy, job, time.Second, nil); c.Outcome != result.Pass {
					b.Fatal(c.Failure)
				}
			}
		})
	}
}
