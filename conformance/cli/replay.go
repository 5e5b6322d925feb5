package cli

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/proxyspec/proxyspec/conformance/result"
	"github.com/proxyspec/proxyspec/conformance/runner"
	"github.com/proxyspec/proxyspec/conformance/selection"
	"github.com/proxyspec/proxyspec/conformance/timeline"
	"github.com/proxyspec/proxyspec/reports"
	"github.com/proxyspec/proxyspec/text/nearest"
)

// again is what the user asks of a replay.
type again struct {
	name      string // of the case
	out       string
	step      bool
	wireshark bool
	open      bool
	quiet     bool
}

// replayFolder is where a replay leaves its own evidence, within the report's folder.
const replayFolder = "replay"

func (c *command) replayCommand() *cobra.Command {
	var a again
	cmd := &cobra.Command{
		Use:   "replay CASE",
		Short: "Run one case of the last report again and watch",
		Long: `Replay runs one case of a report again, from its recorded seed and with the SDK that was tested, prints its
timeline, and in virtual time says whether the packets are those that were recorded: the same, at the same times, between
the same addresses, of the same lengths, with the same verdicts.

CASE is the case's ID, a part of it that no other has, or FILE:LINE, as reports print them. The replay's own
evidence is left in the report's folder, under replay; with --open a report of this one case is there too.

Exit codes: as those of run for this one case; 3 too if the packets are not those that were recorded.`,
		Example: `  proxyspec replay flow/lookup/a-silent-lookup-fails-the-join
  proxyspec replay silent-lookup --step
  proxyspec replay silent-lookup --open
  proxyspec replay features/flow/lookup.feature:7 --out my-report`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usage(errors.New("replay needs the ID of one case; the report's page and summary have it"))
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error {
			a.name = args[0]
			return c.replay(a)
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	reportFlag(f, &a.out, "the folder of the report")
	f.BoolVar(&a.step, "step", false, "wait for the Enter key before each step")
	f.BoolVar(&a.wireshark, "wireshark", false, "say how to open the capture in Wireshark")
	f.BoolVar(&a.open, "open", false, "open the replay's own report in a browser: $BROWSER, or the system's")
	f.BoolVarP(&a.quiet, "quiet", "q", false, "no timeline, only whether it is the same")
	return cmd
}

func (c *command) replay(a again) error {
	if a.step && !isTerminal(c.stderr) {
		return usage(errors.New("--step needs a terminal to wait at"))
	}
	run, err := loadReport(a.out)
	if errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("%w; --out says where another is", err)
	}
	if err != nil {
		return usage(err)
	}
	recorded, err := recordedCase(run, a.name, filepath.Join(a.out, "index.html"))
	if err != nil {
		return usage(err)
	}
	if _, err := c.sdk(run.SDK.Selected); err != nil {
		return usage(fmt.Errorf("the report is of an SDK that this program doesn't have: %w", err))
	}
	chosen, err := c.written(run, recorded)
	if err != nil {
		return err
	}
	into, err := filepath.Abs(filepath.Join(a.out, replayFolder))
	if err == nil {
		err = writable(into)
	}
	if err != nil {
		return &exit{code: result.ExitReport, err: err}
	}

	ctx, stop := untilInterrupted()
	defer stop()
	ended, err := c.watch(ctx, a, run, recorded, chosen, into)
	if err != nil {
		return &exit{code: result.ExitFault, err: err}
	}
	same := true // in real time no two traces are
	if run.SDK.Network != runner.Kernel {
		same = c.compareTraces(a, recorded, ended, into)
	}
	if a.wireshark {
		c.tellWireshark(into, ended)
	}
	single := *run
	single.Cases, single.Requirements = []result.Case{*ended}, slices.Clone(run.Requirements)
	single.Expectations, single.Stale, single.Profile = nil, nil, nil // how it ended is what matters here
	single.Interrupted, single.Wall, single.Virtual = ctx.Err() != nil, ended.Wall, ended.Virtual
	if a.open {
		if err := c.openReplay(into, &single); err != nil {
			return &exit{code: result.ExitReport, err: err}
		}
	}
	switch code := result.ExitCode(&single); {
	case single.Interrupted, same && code != result.ExitPassed:
		return &exit{code: code}
	case !same:
		return &exit{code: result.ExitFault}
	}
	return nil
}

// watch runs the case and tells what happens.
func (c *command) watch(ctx context.Context, a again, run *result.Run, recorded *result.Case, chosen selection.Case, into string) (*result.Case, error) {
	fmt.Fprintf(c.stdout, "%s\n%s:%d, --sdk %s, seed %d\n", recorded.Name, recorded.Path, recorded.Line, run.SDK.Selected, run.Seed)
	teller := reports.NewTeller(c.stdout, recorded.Hosts, reports.Terminal{Color: hasColor(c.stdout)})
	var follower runner.Follower
	if !a.quiet {
		follower.Events = func(events []timeline.Event) { _ = teller.Tell(events) }
	}
	cfg := runner.Config{Cases: []selection.Case{chosen}, Seed: run.Seed, SDK: run.SDK.Selected, Out: into}
	if run.SDK.Network == runner.Kernel {
		cfg.Place = c.place
	}
	for _, l := range run.Limits {
		if err := cfg.Limits.Set(l.Name, l.Value); err != nil {
			return nil, fmt.Errorf("the report's limits: %w", err)
		}
	}
	if a.step {
		cfg.CaseLimit = 24 * time.Hour // it waits for a person
		keys := bufio.NewReader(c.stdin)
		follower.Step = func(number int) error {
			fmt.Fprintf(c.stderr, "\n[Enter] %s %s ", chosen.Steps[number-1].Keyword, chosen.Steps[number-1].Text)
			_, err := keys.ReadString('\n')
			return err
		}
	}
	ended, err := runner.Follow(ctx, cfg, follower)
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(c.stdout, "\n%s", ended.Outcome)
	if ended.Failure != nil {
		fmt.Fprintf(c.stdout, ": %v", ended.Failure)
	}
	if ended.Outcome != recorded.Outcome {
		fmt.Fprintf(c.stdout, " (recorded: %s)", recorded.Outcome)
	}
	fmt.Fprintln(c.stdout)
	return ended, nil
}

// compareTraces says whether the packets are those that were recorded, and if not, where they begin to differ.
func (c *command) compareTraces(a again, recorded, ended *result.Case, into string) (same bool) {
	switch {
	case recorded.Outcome == result.NotRun:
		fmt.Fprintln(c.stdout, "trace: none was recorded, since the case wasn't run")
		return true
	case recorded.Trace == ended.Trace && ended.Trace.Packets == 0:
		fmt.Fprintln(c.stdout, "trace: no packets, as recorded")
		return true
	case recorded.Trace == ended.Trace:
		fmt.Fprintf(c.stdout, "trace: the same %s as recorded\n", plural(ended.Trace.Packets, "packet"))
		return true
	}
	fmt.Fprintf(c.stdout, "trace: not as recorded: %s, recorded %d\n", plural(ended.Trace.Packets, "packet"), recorded.Trace.Packets)
	then, err := readTrace(a.out, recorded.Evidence)
	now, err2 := readTrace(into, ended.Evidence)
	if err := errors.Join(err, err2); err != nil {
		fmt.Fprintf(c.stdout, "       the first difference can't be shown: %v\n", err)
		return false
	}
	for i := range max(len(then), len(now)) {
		was, is := "nothing", "nothing"
		if i < len(then) {
			was = then[i].String()
		}
		if i < len(now) {
			is = now[i].String()
		}
		if was != is {
			fmt.Fprintf(c.stdout, "       packet %d is the first that differs\n       recorded %s\n       now      %s\n", i+1, was, is)
			return false
		}
	}
	fmt.Fprintln(c.stdout, "       the timelines have the same packets: the report and its timeline don't belong together")
	return false
}

func (c *command) tellWireshark(into string, ended *result.Case) {
	if ended.Evidence.Capture == "" {
		fmt.Fprintln(c.stdout, "there is no capture")
		return
	}
	file := filepath.Join(into, filepath.FromSlash(ended.Evidence.Capture))
	fmt.Fprintf(c.stdout, `
wireshark -r %[1]q -o udp.try_heuristic_first:TRUE
  every packet is there on both sides of the firewall: filter frame.interface_name == "office"
  what the firewall said is the packet's comment:      filter frame.comment contains "drop"
  TURN over TCP on 3433-3460 is shown with             -d tcp.port==3433,stun
`, file)
}

// openReplay writes the reports of a replay, and opens the page of its case.
func (c *command) openReplay(into string, run *result.Run) error {
	result.Judge(run)
	err := reports.WritePage(into, run, &run.Cases[0])
	if err == nil {
		err = reports.Write(into, run)
	}
	if err != nil {
		return err
	}
	page := filepath.Join(into, filepath.FromSlash(cmp.Or(run.Cases[0].Evidence.Page, "index.html")))
	var mistakes []error
	for _, program := range []string{os.Getenv("BROWSER"), "xdg-open", "open"} {
		if program == "" {
			continue
		}
		begun := exec.Command(program, page)
		if err := begun.Start(); err != nil {
			mistakes = append(mistakes, err)
			continue
		}
		go func() { _ = begun.Wait() }() // a browser may go on for as long as it likes
		fmt.Fprintf(c.stdout, "opened %s\n", page)
		return nil
	}
	fmt.Fprintf(c.stderr, "proxyspec: no browser could be started (%v): open %s yourself\n", errors.Join(mistakes...), page)
	return nil
}

func readTrace(dir string, e result.Evidence) ([]timeline.Sign, error) {
	if e.Timeline == "" {
		return nil, errors.New("there is no timeline")
	}
	text, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(e.Timeline)))
	if err != nil {
		return nil, err
	}
	var events []timeline.Event
	if err := json.Unmarshal(text, &events); err != nil {
		return nil, fmt.Errorf("%s: %w", e.Timeline, err)
	}
	return timeline.Trace(events), nil
}

// recordedCase finds a case of a report, whose page is page, by its ID, a part of it, or its place.
func recordedCase(run *result.Run, name, page string) (*result.Case, error) {
	var found []*result.Case
	var ids []string
	for i := range run.Cases {
		c := &run.Cases[i]
		if c.ID == name || fmt.Sprintf("%s:%d", c.Path, c.Line) == name {
			return c, nil
		}
		ids = append(ids, c.ID)
		if strings.Contains(c.ID, name) {
			found = append(found, c)
		}
	}
	switch len(found) {
	case 0:
		return nil, fmt.Errorf("the report has no case %q%s; %s shows all that it has", name, nearest.Hint(name, ids), page)
	case 1:
		return found[0], nil
	}
	var more []string
	for _, c := range found[:min(len(found), 10)] {
		more = append(more, c.ID)
	}
	return nil, fmt.Errorf("%q is a part of %d IDs; name one whole:\n  %s", name, len(found), strings.Join(more, "\n  "))
}

// written finds a recorded case among the features of today.
func (c *command) written(run *result.Run, recorded *result.Case) (selection.Case, error) {
	path := recorded.Path
	s, err := c.selected(nil, "")
	if err == nil && recorded.Own {
		s, err = c.selected([]string{path}, "")
	}
	if err != nil {
		return selection.Case{}, err
	}
	what, changed := "the suite", s.suite.Digest != run.Suite.Digest
	if recorded.Own {
		what = path
	}
	for _, one := range s.cases {
		if one.ID != recorded.ID {
			continue
		}
		if recorded.Own {
			changed = !sameSteps(one.Steps, recorded.Steps)
		}
		if changed {
			fmt.Fprintf(c.stderr, "proxyspec: %s has changed since this report was written; the trace may differ for that reason\n", what)
		}
		return one, nil
	}
	return selection.Case{}, usage(fmt.Errorf("%s has no case %q any more: %s has changed since this report was written", path, recorded.ID, what))
}

// sameSteps says whether a scenario has the steps that were recorded.
func sameSteps(now []selection.Step, then []result.Step) bool {
	return slices.EqualFunc(now, then, func(n selection.Step, t result.Step) bool {
		if (n.DocString == nil) != (t.DocString == nil) || n.DocString != nil && n.DocString.Content != t.DocString.Content {
			return false
		}
		return n.Text == t.Text && slices.EqualFunc(n.Table, t.Table, slices.Equal)
	})
}
