package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/proxyspec/proxyspec/conformance/load"
	"github.com/proxyspec/proxyspec/conformance/result"
	"github.com/proxyspec/proxyspec/conformance/shard"
	"github.com/proxyspec/proxyspec/reports"
)

// crowd is what the user asks of a load run.
type crowd struct {
	plan   load.Plan
	goal   load.Goal
	mbits  int64
	knee   bool
	shard  string
	format string
	quiet  bool
}

func (c *command) loadCommand() *cobra.Command {
	var o crowd
	cmd := &cobra.Command{
		Use:   "load",
		Short: "Put many users on a fleet of relays, and find how many it serves well",
		Long: `Load has many users of many enterprises, each behind its firewall and NAT, join through a fleet of relays on the virtual
network. Each looks the way up, has a message channel over TLS and a TURN allocation that carries media there and back,
stays, and leaves. It reports how long joins took, what was lost or refused and by which name, and what a user costs in
memory and a packet in time; with --format html as one page that needs nothing else.

A fleet serves a crowd well if everybody gets in, 99 of 100 joins and the loss of media stay within their limits,
and the books of all relays balance. With --knee it looks for the largest number of users, up to --users, that the fleet serves
well: give the relays a --capacity, or an account a --scale, that there is one to find.

Shards divide the enterprises, the users and the relays among machines; "proxyspec load merge" adds up what they report.

Exit codes: 0 the crowd was served well, or a knee was found; 1 it was not; 2 usage; 3 a fault of the harness;
130 interrupted.`,
		Example: `  proxyspec load --users 1000
  proxyspec load --users 1000 --format html > load.html
  proxyspec load --users 5000 --relays 3 --capacity 20 --knee
  proxyspec load --users 10000 --shard 1/2 --format json > part-1.json`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := noZeros(cmd.Flags()); err != nil {
				return usage(err)
			}
			return c.load(o)
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.IntVar(&o.plan.Users, "users", 100, "how many users join")
	f.IntVar(&o.plan.Enterprises, "enterprises", 0, "how many enterprises they belong to (default: one for every 50 users)")
	f.IntVar(&o.plan.Relays, "relays", 3, "how many relays the cloud proxy has")
	f.DurationVar(&o.plan.Ramp, "ramp", 10*time.Second, "in which time they all begin to join")
	f.DurationVar(&o.plan.Hold, "hold", 10*time.Second, "how long they stay when all are in")
	f.IntVar(&o.plan.Media, "media", 10, "packets of media that each sends in a second")
	f.IntVar(&o.plan.Burst, "burst", 1, "how many of them are sent at once, as those of a frame of video are")
	f.IntVar(&o.plan.Payload, "payload", 160, "bytes in one of them")
	f.IntVar(&o.plan.WebRTC, "webrtc", 0, "how many of the users have the reference SDK whole, with WebRTC; two of one enterprise call each other")
	f.IntVar(&o.plan.Scale, "scale", 0, "concurrent users that the account of each enterprise allows (default: enough)")
	f.Int64Var(&o.mbits, "capacity", 0, "megabits a second that the line of each relay carries, each way (default: without end)")
	f.Uint64Var(&o.plan.Seed, "seed", 1, "what chance depends on; the same seed gives the same packets")
	f.BoolVar(&o.knee, "knee", false, "find the largest number of users that is served well")
	goalFlags(f, &o.goal)
	f.StringVar(&o.shard, "shard", "", `only one part of several: "2/5", or "env" to read it from CI_NODE_INDEX and CI_NODE_TOTAL, or JOB_COMPLETION_INDEX and JOB_COMPLETIONS`)
	f.BoolVarP(&o.quiet, "quiet", "q", false, "no progress")
	formatFlag(cmd, &o.format, "text", "json", "html")
	cmd.AddCommand(c.loadMergeCommand())
	return cmd
}

// mostMbits is a terabit a second: more than any relay's line, and less than what overflows.
const mostMbits = 1_000_000

// noZeros refuses a zero that a plan would take for the default.
func noZeros(flags *pflag.FlagSet) (err error) {
	for _, name := range []string{"users", "relays", "ramp", "hold", "media", "burst", "payload", "enterprises", "scale", "capacity"} {
		if f := flags.Lookup(name); f.Changed && (f.Value.String() == "0" || f.Value.String() == "0s") {
			normal := f.DefValue
			if normal == "0" { // of which the help has the words
				normal = "the default"
			}
			err = errors.Join(err, fmt.Errorf("--%s can't be %s: leave it out for %s", name, f.Value, normal))
		}
	}
	return err
}

func goalFlags(f *pflag.FlagSet, goal *load.Goal) {
	normal := load.Goal{}.WithDefaults()
	f.DurationVar(&goal.Join, "join-limit", normal.Join, "what 99 of 100 joins may take")
	f.Float64Var(&goal.Loss, "loss-limit", normal.Loss, "the part of the media that may be lost")
}

func (c *command) load(o crowd) (err error) {
	if o.mbits < 0 || o.mbits > mostMbits {
		return usage(fmt.Errorf("--capacity is %d: it may be from 0 to %d", o.mbits, mostMbits))
	}
	o.plan.Capacity = o.mbits * 1_000_000
	if o.plan.Shard, err = shard.Find(o.shard, os.Getenv); err != nil {
		return usage(fmt.Errorf("--shard: %w", err))
	}
	plan := o.plan.WithDefaults()
	if err := errors.Join(plan.Check(), o.goal.Check()); err != nil {
		return usage(err)
	}
	if o.knee && o.shard != "" {
		return usage(errors.New("--knee needs the whole crowd: leave out --shard"))
	}
	ctx, stop := untilInterrupted()
	defer stop()
	tell := func(line string) {}
	if width := terminalWidth(c.stderr); width > 0 && !o.quiet {
		tell = func(line string) { fmt.Fprintf(c.stderr, "\r\x1b[K%s", fit(line, width-1)) }
		defer fmt.Fprint(c.stderr, "\r\x1b[K")
	}
	run := func(ctx context.Context, p load.Plan) (*load.Report, error) { return c.suite.Load(ctx, p, tell) }
	if o.knee {
		k, err := load.FindKnee(ctx, plan, o.goal, run)
		if err != nil {
			return loadFault(ctx, err)
		}
		if err := c.showLoad(o.format, k, k.Text(), func(w io.Writer) error { return reports.KneeHTML(w, k) }); err != nil {
			return err
		}
		if k.Users == 0 {
			return &exit{code: result.ExitFailed}
		}
		return nil
	}
	r, err := run(ctx, plan)
	if err != nil {
		return loadFault(ctx, err)
	}
	return c.judgeLoad(r, o.goal, o.format)
}

// judgeLoad shows a report and says whether the crowd was served well.
func (c *command) judgeLoad(r *load.Report, goal load.Goal, format string) error {
	counted := *r
	counted.Plan = r.Plan.Part() // of a shard, what it was to do
	missed := goal.Missed(&counted)
	text := r.Text()
	for _, m := range missed {
		text += fmt.Sprintf("  %-10s%s\n", "missed", m)
	}
	if err := c.showLoad(format, r, text, func(w io.Writer) error { return reports.LoadHTML(w, r, missed) }); err != nil {
		return err
	}
	if len(missed) > 0 {
		return &exit{code: result.ExitFailed}
	}
	return nil
}

// showLoad is show with a page as a third format.
func (c *command) showLoad(format string, v any, text string, page func(io.Writer) error) error {
	if format == "html" {
		return page(c.stdout)
	}
	return c.show(format, v, text)
}

func loadFault(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return &exit{code: result.ExitInterrupted, err: errors.New("interrupted")}
	}
	return &exit{code: result.ExitFault, err: err}
}

func (c *command) show(format string, v any, text string) (err error) {
	if format == "json" {
		return c.printJSON(v)
	}
	_, err = fmt.Fprint(c.stdout, text)
	return err
}

func (c *command) loadMergeCommand() *cobra.Command {
	var goal load.Goal
	var format string
	cmd := &cobra.Command{
		Use:   "merge FILE...",
		Short: "Add up what the shards of one crowd report",
		Long: `Merge makes one report of those that the shards of one crowd wrote with --format json, in any order.

Exit codes: 0 the crowd was served well; 1 it was not; 2 usage, or reports that don't belong together.`,
		Example: `  proxyspec load --users 10000 --shard 1/2 --format json > part-1.json
  proxyspec load --users 10000 --shard 2/2 --format json > part-2.json
  proxyspec load merge part-1.json part-2.json
  proxyspec load merge part-1.json part-2.json --format html > load.html`,
		RunE: func(_ *cobra.Command, files []string) error {
			if len(files) == 0 {
				return usage(errors.New("merge needs the files of the reports"))
			}
			if err := goal.Check(); err != nil {
				return usage(err)
			}
			var parts []*load.Report
			for _, name := range files {
				r, err := readLoad(name)
				if err != nil {
					return usage(err)
				}
				parts = append(parts, r)
			}
			whole, err := load.Merge(parts...)
			if err != nil {
				return usage(err)
			}
			return c.judgeLoad(whole, goal, format)
		},
	}
	goalFlags(cmd.Flags(), &goal)
	formatFlag(cmd, &format, "text", "json", "html")
	return cmd
}

func readLoad(name string) (*load.Report, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	wrong := func(err error) error {
		return fmt.Errorf("%s is no report of proxyspec load --format json: %w", name, err)
	}
	if len(bytes.TrimSpace(text)) == 0 {
		return nil, wrong(errors.New("it is empty"))
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	var r load.Report
	if err := d.Decode(&r); err != nil {
		return nil, wrong(err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, wrong(errors.New("more follows the first report: each belongs into a file of its own"))
	}
	if r.Plan.Users < 1 {
		return nil, wrong(errors.New("its plan has no users"))
	}
	return &r, nil
}
