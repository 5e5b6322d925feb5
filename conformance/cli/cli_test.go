package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/proxyspec/proxyspec/conformance/load"
	"github.com/proxyspec/proxyspec/conformance/mutation"
	"github.com/proxyspec/proxyspec/conformance/result"
	"github.com/proxyspec/proxyspec/conformance/runner"
	"github.com/proxyspec/proxyspec/conformance/timeline"
)

func TestMain(m *testing.M) {
	runner.WorkerMain(newToy)
	testscript.Main(m, map[string]func(){
		"proxyspec": func() { os.Exit(Main(toySuite(), os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) },
	})
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Condition: func(name string) (bool, error) {
			if name != "tmpfs" {
				return false, fmt.Errorf("unknown condition %q", name)
			}
			return exec.Command("unshare", "--map-root-user", "--mount", "mount", "-t", "tmpfs", "tmpfs", "/mnt").Run() == nil, nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits":     exits,
			"interrupt": interrupt,
			"sigkill":   sigkill,

			"same-but-for-times": sameButForTimes,
			"serves":             serves,
		},
	})
}

// exits CODE PROGRAM ARGS... runs a program that must exit with this code.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE PROGRAM ARGS...")
	}
	code := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		var ended *exec.ExitError
		if !errors.As(err, &ended) {
			ts.Fatalf("%v", err)
		}
		code = ended.ExitCode()
	}
	if strconv.Itoa(code) != args[0] {
		ts.Fatalf("exit code %d, want %s", code, args[0])
	}
}

// sameButForTimes A B compares two conformance.json, but for the fields that say when and how long.
func sameButForTimes(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: same-but-for-times FILE FILE")
	}
	times := regexp.MustCompile(`"(started|wallNanoseconds)": .*`)
	var texts [2]string
	for i, name := range args {
		texts[i] = times.ReplaceAllString(ts.ReadFile(name), "")
	}
	if texts[0] != texts[1] {
		ts.Fatalf("%s and %s differ:\n%s", args[0], args[1], lineDiff(texts[0], texts[1]))
	}
}

// interrupt PROGRAM ARGS... runs a program, sends it SIGINT once the file "mark" is there, and leaves what it
// says in the files "out" and "err" and its exit code in "code".
func interrupt(ts *testscript.TestScript, _ bool, args []string) {
	program, err := exec.LookPath(filepath.Join(ts.Getenv("PROXYSPEC_BIN"), args[0]))
	ts.Check(err)
	cmd := exec.Command(program, args[1:]...)
	cmd.Dir = ts.Getenv("WORK")
	out, err := os.Create(ts.MkAbs("out"))
	ts.Check(err)
	defer out.Close()
	errs, err := os.Create(ts.MkAbs("err"))
	ts.Check(err)
	defer errs.Close()
	cmd.Stdout, cmd.Stderr = out, errs
	ts.Check(cmd.Start())
	for began := time.Now(); ; time.Sleep(time.Millisecond) {
		if _, err := os.Stat(ts.MkAbs("mark")); err == nil {
			break
		}
		if time.Since(began) > time.Minute {
			_ = cmd.Process.Kill()
			ts.Fatalf("no mark")
		}
	}
	sent := time.Now()
	ts.Check(cmd.Process.Signal(os.Interrupt))
	_ = cmd.Wait()
	ts.Logf("ended %v after the interrupt", time.Since(sent).Round(time.Millisecond))
	ts.Check(os.WriteFile(ts.MkAbs("code"), []byte(strconv.Itoa(cmd.ProcessState.ExitCode())+"\n"), 0o644))
}

// sigkill FILE WORDS PROGRAM ARGS... runs a program and kills it, as nothing can prevent, once a file has some words.
func sigkill(ts *testscript.TestScript, _ bool, args []string) {
	program, err := exec.LookPath(filepath.Join(ts.Getenv("PROXYSPEC_BIN"), args[2]))
	ts.Check(err)
	cmd := exec.Command(program, args[3:]...)
	cmd.Dir = ts.Getenv("WORK")
	ts.Check(cmd.Start())
	for began := time.Now(); ; time.Sleep(time.Millisecond) {
		text, _ := os.ReadFile(ts.MkAbs(args[0]))
		if strings.Contains(string(text), args[1]) {
			break
		}
		if time.Since(began) > time.Minute {
			_ = cmd.Process.Kill()
			ts.Fatalf("%s never had %q", args[0], args[1])
		}
	}
	ts.Check(cmd.Process.Kill())
	_ = cmd.Wait()
}

// toySuite stands in for the suite: a world with nothing in it.
func toySuite() Suite {
	return Suite{
		Files: fstest.MapFS{
			"requirements.yaml": {Data: []byte(toyCatalogue)},
			"flow/toy.feature":  {Data: []byte(toyFeature)},
		},
		Catalogue:   "requirements.yaml",
		Definitions: (&toy{}).Definitions(),
		SDKs: []SDK{
			{Name: "reference", Product: "toy SDK", Version: "3.0.0"},
			{Name: "mutant:direct-media", Product: "broken toy SDK", Version: "3.0.0"},
			{Name: "mutant:harmless", Product: "toy SDK that isn't broken", Version: "3.0.0"},
			{Name: "mutant:unnamed", Product: "toy.js"}, // says itself what it is
		},
		Mutants: []mutation.Mutant{
			{SDK: "mutant:direct-media", Subject: "SDK", Description: "sends media directly", Breaks: []string{"CP-AA-01", "CP-AA-03"}},
			{SDK: "mutant:harmless", Subject: "cloud proxy", Description: "does nothing wrong", Breaks: []string{"CP-AA-02"}},
		},
		Load: toyLoad,
	}
}

// toyLoad is a fleet that serves 40 users, and no more.
func toyLoad(_ context.Context, p load.Plan, tell func(string)) (*load.Report, error) {
	if p.Seed == 666 {
		return nil, errors.New("the world has come to its end")
	}
	tell("there")
	part := p.Part()
	r := &load.Report{Plan: p, Joined: min(40, part.Users), Failed: map[string]int{}, Refusals: map[string]int{}}
	r.Join, r.Reconnect = load.Times{500: r.Joined}, load.Times{}
	if over := part.Users - r.Joined; over > 0 {
		r.Failed["no-room"] = over
		r.Refusals["lookup.refused no-room"] = over
	}
	r.Media = load.Media{Sent: 1000, Returned: 1000, In: 2000, Out: 2000}
	return r, nil
}

const toyCatalogue = `themes:
  - id: CP-AA
    title: The first theme
    subject: sdk
    requirements:
      - id: CP-AA-01
        level: MUST
        source: W1
        statement: One holds.
        observed: packets
      - id: CP-AA-02
        level: SHOULD
        source: W2
        statement: Two holds.
        observed: packets
      - id: CP-AA-03
        level: MUST
        source: W3
        statement: Three holds.
        observed: packets
  - id: CP-BB
    title: The second theme
    subject: tool
    requirements:
      - id: CP-BB-01
        level: SHOULD
        source: derived
        statement: Four holds.
        observed: this tool
        tests: [conformance/cli.TestScripts]
`

const toyFeature = `Feature: Toys

  @CP-AA-01
  Scenario: One holds
    When 2 hours pass
    Then alice is fine

  @CP-AA-02 @ports
  Scenario Outline: Two holds on port <port>
    Then alice is fine
    Examples:
      | port |
      | 443  |
      | 4000 |
`

type toy struct{ job runner.Job }

func newToy(job runner.Job) (runner.Stage, error) { return &toy{job}, nil }

func (s *toy) Step(string) {}

// Events is one packet, which is longer where a file "longer" lies.
func (s *toy) Events() []timeline.Event {
	packet := timeline.Event{
		Seq: 1, At: time.Second, Kind: timeline.KindPacket, Actor: "firewall", Name: "packet", Proto: "UDP", Length: 100, Verdict: "allow",
		From: netip.MustParseAddrPort("10.10.0.2:40000"), To: netip.MustParseAddrPort("192.0.2.1:3478"),
	}
	if _, err := os.Stat("longer"); err == nil {
		packet.Length++
	}
	return []timeline.Event{packet}
}

func (s *toy) Close() error { return nil }

func (s *toy) Conclude(c *result.Case) {
	trace := timeline.Trace(s.Events())
	c.Trace = result.Trace{Packets: len(trace), Digest: timeline.Digest(trace)}
	if s.job.SDK == "mutant:unnamed" {
		c.Product = &result.Product{Name: "named toy SDK", Version: "2.6.0"}
	}
	c.Evidence.Timeline = "evidence/" + c.ID + "/timeline.json"
	name := filepath.Join(s.job.Out, c.Evidence.Timeline)
	text, err := json.Marshal(s.Events())
	if err := errors.Join(err, os.MkdirAll(filepath.Dir(name), 0o755), os.WriteFile(name, text, 0o644)); err != nil {
		c.Evidence = result.Evidence{Lost: err.Error()}
	}
}

func (s *toy) Definitions() []runner.Definition {
	return []runner.Definition{
		{Expr: `^(?P<who>\w+) is fine$`, Do: s.fine, Says: "Fails with the mutant.", Noun: "users"},
		{Expr: `^(\d+) hours? pass(?:es)?$`, Do: func(n int) { time.Sleep(time.Duration(n) * time.Hour) }, Says: "Lets time pass.", Noun: "time"},
		{Expr: `^the process exits (\d+)$`, Do: func(code int) { os.Exit(code) }, Says: "Ends the worker.", Noun: "trouble"},
		{Expr: `^it leaves a mark and hangs$`, Do: hang, Says: "Never ends.", Noun: "trouble"},
		{Expr: `^the disk is filled$`, Do: s.fill, Says: "Leaves no room for evidence.", Noun: "trouble"},
		{Expr: `^the world can't tell$`, Do: unable, Says: "Judges nothing.", Noun: "trouble"},
	}
}

func (s *toy) fine(who string) error {
	if s.job.SDK == "mutant:direct-media" || s.job.SDK == "mutant:unnamed" {
		return &result.Failure{Message: who + " is not fine", Expected: "fine", Actual: "direct media"}
	}
	return nil
}

// fill writes into the report's folder until nothing more goes into it. The bound is for a disk that is no small one.
func (s *toy) fill() error {
	err := os.WriteFile(filepath.Join(s.job.Out, "filler"), make([]byte, 16<<20), 0o644)
	if !errors.Is(err, syscall.ENOSPC) {
		return fmt.Errorf("the disk isn't full: %w", err)
	}
	return nil
}

func unable() error {
	return &result.Stop{Outcome: result.NotJudged, Failure: result.Failure{Message: "it is dark"}}
}

func hang() {
	_ = os.WriteFile("mark", nil, 0o644)
	for n := 0; ; n++ {
	}
}
