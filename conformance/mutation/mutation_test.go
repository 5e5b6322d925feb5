package mutation_test

import (
	"context"
	"errors"
	"os"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/conformance/mutation"
	"github.com/proxyspec/proxyspec/conformance/result"
	"github.com/proxyspec/proxyspec/conformance/runner"
	"github.com/proxyspec/proxyspec/conformance/selection"
	"github.com/proxyspec/proxyspec/conformance/timeline"
)

func TestMain(m *testing.M) {
	runner.WorkerMain(func(job runner.Job) (runner.Stage, error) { return toy{job.SDK}, nil })
	os.Exit(m.Run())
}

// toy is a world in which SDKs have a colour.
type toy struct{ sdk string }

func (toy) Step(string)  {}
func (toy) Close() error { return nil }

func (toy) Events() []timeline.Event { return nil }
func (toy) Conclude(*result.Case)    {}

func (s toy) Definitions() []runner.Definition {
	return []runner.Definition{
		{Expr: `^it is not (\w+)$`, Do: func(color string) error {
			if s.sdk == color {
				return errors.New("it is " + color)
			}
			return nil
		}, Says: "x", Noun: "colours"},
		{Expr: `^the ground doesn't turn (\w+)$`, Do: func(color string) error {
			if s.sdk == color {
				return &result.Stop{Outcome: result.HarnessFault, Failure: result.Failure{Message: "the ground is " + color}}
			}
			return nil
		}, Says: "x", Noun: "colours"},
		{Expr: `^(?P<what>\w+) is seen$`, Do: func(string) {}, Says: "x", Noun: "colours"},
		{Expr: `^nothing$`, Do: func() {}, Says: "x", Noun: "colours"},
	}
}

const feature = `Feature: Colours

  @CP-AA-01
  Scenario Outline: Not <color>
    Then it is not <color>
    Examples:
      | color |
      | red   |
      | blue  |

  @CP-AA-02
  Scenario: Not blue
    Given nothing
    And orange is seen
    Then it is not blue
    And the ground doesn't turn green

  Scenario: Nobody's
    Then it is not red
    And nothing
`

func config(t *testing.T, mutants ...mutation.Mutant) mutation.Config {
	t.Helper()
	cfg := mutation.Config{Mutants: mutants, Reference: "white", Seed: 1, Jobs: 2}
	var ids []string
	for _, id := range []string{"CP-AA-01", "CP-AA-02", "CP-AA-03"} {
		cfg.Requirements = append(cfg.Requirements, result.Requirement{ID: id, Level: result.Must, Subject: result.SubjectSDK})
		ids = append(ids, id)
	}
	var err error
	cfg.Cases, err = selection.Select(selection.Config{Suite: fstest.MapFS{"c.feature": {Data: []byte(feature)}}, Requirements: ids})
	require.NoError(t, err)
	return cfg
}

func colored(color string, breaks ...string) mutation.Mutant {
	return mutation.Mutant{SDK: color, Subject: "SDK", Description: "is " + color, Breaks: breaks}
}

func TestRun(t *testing.T) {
	cfg := config(t, colored("red", "CP-AA-01"), colored("blue", "CP-AA-02", "CP-AA-03"), colored("yellow", "CP-AA-01"), colored("green", "CP-AA-02"))
	var ended []string
	cfg.Ended = func(sdk string, _ *result.Case) { ended = append(ended, sdk) }
	m, err := mutation.Run(context.Background(), cfg)
	require.NoError(t, err)
	require.Equal(t, result.NotProven, m.Verdict)
	require.Empty(t, m.Reference)
	require.Len(t, ended, len(cfg.Runs()))
	require.Len(t, cfg.Runs(), m.Runs)
	require.Equal(t, []string{"white", "white", "white"}, ended[:3], "the reference comes first")

	var fates []result.Fate
	for _, one := range m.Mutants {
		fates = append(fates, one.Fate)
		require.Empty(t, one.Besides, "no other rule's scenarios are run")
	}
	require.Equal(t, []result.Fate{result.Killed, result.Killed, result.Survived, result.Open}, fates)
	require.Equal(t, 1, m.Mutants[0].Breaks[0].Passed)
	shot := m.Mutants[0].Breaks[0].Failed[0]
	require.Equal(t, "it is red", shot.Message)
	require.Equal(t, "proxyspec run features/c.feature:8 --seed 1 --sdk red", shot.Replay)
	require.Equal(t, result.Unproved, m.Mutants[1].Breaks[1].Fate)
	require.Len(t, m.Rules, 2, "a rule without a scenario can't kill")
	require.Equal(t, []string{"red"}, m.Rules[0].Kills)
	require.Equal(t, []string{"blue"}, m.Rules[1].Kills)
}

func TestRunWhole(t *testing.T) {
	cfg := config(t, colored("blue", "CP-AA-02"))
	cfg.Whole = true
	m, err := mutation.Run(context.Background(), cfg)
	require.NoError(t, err)
	require.Equal(t, result.Killed, m.Mutants[0].Fate)
	require.Equal(t, "CP-AA-01", m.Mutants[0].Besides[0].Requirement)
	require.Equal(t, []result.KillingRule{
		{ID: "CP-AA-01", Level: result.Must, Subject: result.SubjectSDK},
	}, m.Idle(), "a rule that kills only those who don't name it kills none")
}

func TestRunSaysWhichChecksWereSeenToFail(t *testing.T) {
	cfg := config(t, colored("red", "CP-AA-01"), colored("blue", "CP-AA-01", "CP-AA-02"), colored("green", "CP-AA-02"))
	cfg.Definitions = toy{}.Definitions()
	m, err := mutation.Run(context.Background(), cfg)
	require.NoError(t, err)
	require.Equal(t, []result.Check{
		{Step: "it is not <text>", Kills: []string{"red", "blue"}},
		{Step: "the ground doesn't turn <text>"}, // a fault isn't a failure
	}, m.Checks, "what stands above Then, or in one's own scenario, judges nobody")
	require.Equal(t, 3, m.Cases, "of the suite, and none of one's own")
	require.Empty(t, m.NeverFailed)
	cfg.Mutants = cfg.Mutants[:1]
	m, err = mutation.Run(context.Background(), cfg)
	require.NoError(t, err)
	require.Equal(t, []result.Harmless{{Case: cfg.Cases[1].ID, Owes: true}, {Case: cfg.Cases[2].ID, Owes: true}}, m.NeverFailed, "what is blue was never there")
}

func TestRunNeedsASoundReference(t *testing.T) {
	cfg := config(t, colored("blue", "CP-AA-01"))
	cfg.Reference = "red"
	m, err := mutation.Run(context.Background(), cfg)
	require.NoError(t, err)
	require.Equal(t, result.Unsound, m.Verdict)
	require.Len(t, m.Reference, 1)
	require.Equal(t, 2, m.Runs, "no mutant is run then")
	require.Equal(t, result.Unmet, m.Mutants[0].Fate)
}

func TestRunInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cfg := config(t, colored("blue", "CP-AA-01"))
	cfg.Jobs = 1
	cfg.Ended = func(sdk string, _ *result.Case) {
		if sdk == "blue" {
			cancel()
		}
	}
	m, err := mutation.Run(ctx, cfg)
	require.NoError(t, err)
	require.True(t, m.Interrupted)
	require.Equal(t, result.Unmet, m.Mutants[0].Fate)
}

func TestRunRefuses(t *testing.T) {
	_, err := mutation.Run(context.Background(), config(t, colored("red")))
	require.EqualError(t, err, "red breaks no rule: it isn't a mutant")
	_, err = mutation.Run(context.Background(), config(t, colored("red", "CP-BB-01")))
	require.EqualError(t, err, "red breaks CP-BB-01, which is no requirement")
}
