package runner

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/cucumber/godog"
	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/conformance/result"
	"github.com/proxyspec/proxyspec/conformance/selection"
	"github.com/proxyspec/proxyspec/conformance/timeline"
)

func TestMain(m *testing.M) {
	WorkerMain(newToy)
	os.Exit(m.Run())
}

// toy is a stage whose steps do what steps must not do.
type toy struct {
	job  Job
	said []string
	mu   sync.Mutex
	stop chan struct{}
	out  *os.File
}

func newToy(job Job) (Stage, error) {
	switch job.SDK {
	case "unmakable":
		return nil, errors.New("no such SDK")
	case "unsupported":
		return nil, &result.Stop{Outcome: result.NotSupported, Failure: result.Failure{Message: "the SDK has no network"}}
	case "explosive":
		panic("ouch")
	}
	return &toy{job: job, stop: make(chan struct{})}, nil
}

func (s *toy) Step(text string) { s.said = append(s.said, text) }

// Events is one for each step that began.
func (s *toy) Events() (events []timeline.Event) {
	for i, text := range s.said {
		events = append(events, timeline.Event{Seq: i + 1, Kind: timeline.KindStep, Detail: text})
	}
	return events
}

func (s *toy) Close() error {
	close(s.stop)
	if s.job.SDK == "clingy" {
		return errors.New("the door is stuck")
	}
	return nil
}

func (s *toy) Conclude(c *result.Case) {
	if s.job.SDK == "forgetful" {
		panic("what evidence?")
	}
	c.Evidence.Timeline = fmt.Sprintf("%s after %v, %d steps, seed %d", c.Outcome, c.Virtual, len(s.said), s.job.Seed)
}

func (s *toy) Definitions() []Definition {
	return []Definition{
		{Expr: `^nothing happens$`, Do: func() {}, Says: "x", Noun: "toy"},
		{Expr: `^it says "(.*)"$`, Do: s.says, Says: "x", Noun: "toy"},
		{Expr: `^(\d+) (seconds|minutes|hours) pass$`, Do: s.pass, Says: "x", Noun: "toy"},
		{Expr: `^the small number is (\d+)$`, Do: func(int8) {}, Says: "x", Noun: "toy"},
		{Expr: `^the text is$`, Do: func(d *godog.DocString) error { return fmt.Errorf("%q %q", d.MediaType, d.Content) }, Says: "x", Noun: "toy"},
		{Expr: `^the table is$`, Do: table, Says: "x", Noun: "toy"},
		{Expr: `^it fails$`, Do: func() error { return errors.New("it was so") }, Says: "x", Noun: "toy"},
		{Expr: `^it fails well$`, Do: failWell, Says: "x", Noun: "toy"},
		{Expr: `^it ends as "(.*)"$`, Do: endAs, Says: "x", Noun: "toy"},
		{Expr: `^it is pending$`, Do: func() error { return godog.ErrPending }, Says: "x", Noun: "toy"},
		{Expr: `^it skips$`, Do: func() error { return fmt.Errorf("not today: %w", godog.ErrSkip) }, Says: "x", Noun: "toy"},
		{Expr: `^it panics$`, Do: func() { panic("ouch") }, Says: "x", Noun: "toy"},
		{Expr: `^it calls t.Fatal$`, Do: func() { new(testing.T).FailNow() }, Says: "x", Noun: "toy"},
		{Expr: `^a goroutine panics$`, Do: func() { go panic("ouch in the back") }, Says: "x", Noun: "toy"},
		{Expr: `^a goroutine is left$`, Do: func() { go leftover() }, Says: "x", Noun: "toy"},
		{Expr: `^a goroutine ends with the world$`, Do: func() { go func() { <-s.stop }() }, Says: "x", Noun: "toy"},
		{Expr: `^it waits for a real pipe$`, Do: s.realPipe, Says: "x", Noun: "toy"},
		{Expr: `^a lock is held across a sleep$`, Do: s.heldLock, Says: "x", Noun: "toy"},
		{Expr: `^it never comes to an end$`, Do: func() { spin() }, Says: "x", Noun: "toy"},
		{Expr: `^the process exits (\d+)$`, Do: func(code int) { os.Exit(code) }, Says: "x", Noun: "toy"},
		{Expr: `^it prints to stdout$`, Do: func() { fmt.Println(`{"ready":true}`); fmt.Fprintln(os.Stderr, "a last word") }, Says: "x", Noun: "toy"},
		{Expr: `^it leaves a mark$`, Do: func() error { return os.WriteFile(s.job.Out+"/"+s.job.Case.Name, nil, 0o644) }, Says: "x", Noun: "toy"},
		{Expr: `^(this|that) is ambiguous$`, Do: func(string) {}, Says: "x", Noun: "toy"},
		{Expr: `^this is (.*)$`, Do: func(string) {}, Says: "x", Noun: "toy"},
	}
}

func (s *toy) says(text string) error { return &result.Failure{Message: text} }

func (s *toy) pass(n int, unit string) {
	time.Sleep(time.Duration(n) * map[string]time.Duration{"seconds": time.Second, "minutes": time.Minute, "hours": time.Hour}[unit])
}

func table(t *godog.Table) error {
	var rows []string
	for _, row := range t.Rows {
		var cells []string
		for _, cell := range row.Cells {
			cells = append(cells, cell.Value)
		}
		rows = append(rows, fmt.Sprintf("%q", cells))
	}
	return errors.New(strings.Join(rows, " "))
}

func failWell() error {
	return fmt.Errorf("judge: %w", &result.Failure{Message: "direct media", Expected: "0", Actual: "3", Cause: "no proxy"})
}

func endAs(outcome string) error {
	return &result.Stop{Outcome: result.Outcome(outcome), Failure: result.Failure{Message: "so be it"}}
}

func leftover() { select {} }

func spin() {
	for n := 0; ; n++ {
	}
}

func (s *toy) realPipe() error {
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	s.out = w // keeps it open
	_, err = r.Read(make([]byte, 1))
	return err
}

func (s *toy) heldLock() {
	go func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		time.Sleep(time.Hour)
	}()
	time.Sleep(time.Second)
	s.mu.Lock()
	//lint:ignore SA2001 waiting is the point
	s.mu.Unlock()
}

// cases reads scenarios, each given as "name: step; step", or whole.
func cases(t testing.TB, scenarios ...string) []selection.Case {
	t.Helper()
	text := "Feature: Toys\n"
	for _, s := range scenarios {
		name, steps, short := strings.Cut(s, ": ")
		if !short || strings.Contains(s, "\n") {
			text += s + "\n"
			continue
		}
		text += "  Scenario: " + name + "\n    * " + strings.ReplaceAll(steps, "; ", "\n    * ") + "\n"
	}
	chosen, err := selection.Select(selection.Config{Suite: fstest.MapFS{"toys.feature": {Data: []byte(text)}}})
	require.NoError(t, err)
	return chosen
}
