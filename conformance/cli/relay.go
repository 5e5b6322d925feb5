package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/proxyspec/proxyspec/conformance/result"
	"github.com/proxyspec/proxyspec/relay/check"
)

// relayOrder is what the user asks of a check.
type relayOrder struct {
	server        string // HOST:PORT
	user, other   string
	transport     string
	authority     string
	insecure      bool
	peers, forbid []string
	quota         int
	only          []string
	list          bool
	answer, quiet time.Duration
	format, out   string
}

func (c *command) relayCommand() *cobra.Command {
	return group(&cobra.Command{
		Use:   "relay",
		Short: "Run the cloud proxy, or check a TURN server against its RFCs",
	}, c.relayServeCommand(), c.relayCheckCommand())
}

func (c *command) relayCheckCommand() *cobra.Command {
	var o relayOrder
	cmd := &cobra.Command{
		Use:   "check HOST:PORT -u USER:PASSWORD",
		Short: "Run the rows of RFC 8656 and RFC 8489 against any TURN server",
		Long: `Check sends a TURN server what each row says, and compares what comes back with what the RFCs demand. The
server may be anyone's; ask its owner first. Peers are sockets of this machine, at addresses that the server
must be able to reach and willing to relay to. A row that fails because nothing came is run again, twice at
most, for datagrams get lost; the report says so. Expiries, which take minutes, are left out: "proxyspec run
features/relay" has them, in virtual time.

Exit codes: 0 every MUST passed or isn't offered; 1 a MUST failed; 2 usage; 3 the server can't be reached, or a
peer's socket can't be opened; 5 not one row could be judged; 6 the report couldn't be written; 130 interrupted.`,
		Example: `  proxyspec relay check --list
  proxyspec relay check 192.0.2.1:3478 -u alice:secret
  proxyspec relay check turn.example.org:5349 -u alice:secret --transport tls --format junit --out turn.xml
  proxyspec relay check 127.0.0.1:3478 -u alice:secret --other bob:secret --peer 127.0.0.1 --peer 127.0.0.2`,
		Args: func(cmd *cobra.Command, args []string) error {
			if o.list && len(args) == 0 {
				return nil
			}
			if len(args) != 1 {
				return usage(fmt.Errorf("%s takes one server, HOST:PORT, and was given %d arguments", cmd.CommandPath(), len(args)))
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error {
			if o.list {
				return c.listRows(o)
			}
			o.server = args[0]
			return c.relayCheck(o)
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.StringVarP(&o.user, "user", "u", "", "USER:PASSWORD of a user who may allocate (required)")
	f.StringVar(&o.other, "other", "", "USER:PASSWORD of a second user, for the rows that need one")
	f.StringVar(&o.transport, "transport", "udp", "udp, tcp or tls")
	f.StringVar(&o.authority, "ca", "", "PEM file of the authority that the server's certificate is from (default: the system's)")
	f.BoolVar(&o.insecure, "insecure", false, "take any certificate")
	f.StringArrayVar(&o.peers, "peer", nil, "address of this machine for peers, twice for the rows that need two (default: the one that reaches the server)")
	f.StringArrayVar(&o.forbid, "forbidden", nil, "address of a peer that the server must refuse")
	f.IntVar(&o.quota, "quota", 0, "how many allocations the server gives a user")
	f.StringArrayVar(&o.only, "only", nil, `only these rows: a requirement ("CP-RLY-26", "26") or a pattern of IDs ("26/*bytes*"); may be given again`)
	f.BoolVar(&o.list, "list", false, "list the rows, and send nothing")
	f.DurationVar(&o.answer, "answer", 2*time.Second, "how long an answer may take")
	f.DurationVar(&o.quiet, "quiet", 200*time.Millisecond, "how long silence is listened to, beside two round trips")
	formatFlag(cmd, &o.format, "text", "json", "junit")
	f.StringVar(&o.out, "out", "", "the file for the report (default: standard output)")
	return cmd
}

func (c *command) relayCheck(o relayOrder) error {
	rows, err := o.rows()
	if err != nil {
		return err
	}
	ctx, stop := untilInterrupted()
	defer stop()
	target, err := o.reach(ctx)
	if err != nil {
		return err
	}
	defer target.close()
	rows = slices.DeleteFunc(rows, func(r check.Row) bool { return !r.Fits(target.Target) })
	if len(rows) == 0 {
		return usage(fmt.Errorf("none of the rows that --only names is about %s, or they all take a clock that can be moved", o.transport))
	}
	var file *os.File // nil: standard output
	if o.out != "" {  // before the rows: minutes later it would be too late to hear that there is no such folder
		if file, err = os.OpenFile(o.out, os.O_WRONLY|os.O_CREATE, 0o666); err != nil {
			return &exit{code: result.ExitReport, err: fmt.Errorf("--out: %w", err)}
		}
		defer file.Close()
	}
	write := relayFormats[o.format]
	report := relayReport{Schema: relaySchema, Tool: tool(), Server: o.server, Address: target.at.String(), Transport: o.transport, Began: time.Now().UTC()}
	early := c.runRows(ctx, &report, rows, target.Target)
	report.Took = time.Since(report.Began)
	if file == nil {
		err = write(c.stdout, report)
	} else {
		_ = file.Truncate(0) // a report that was there; a pipe has none
		err = errors.Join(write(file, report), file.Close())
	}
	if err != nil {
		return &exit{code: result.ExitReport, err: fmt.Errorf("write the report: %w", err)}
	}
	if o.out != "" {
		fmt.Fprintf(c.stderr, "%s; the report is %s\n", report.summary(), o.out)
	}
	if early != nil {
		return early
	}
	return report.verdict()
}

// manyMissed is after how many rows in a row that heard nothing it is asked whether the server is still there.
const manyMissed = 3

// runRows runs the rows one after the other, and says why it ended early, if it did: the user interrupted it, or the
// server is gone, which the report can't tell from one that is silent for other reasons.
func (c *command) runRows(ctx context.Context, report *relayReport, rows []check.Row, target check.Target) error {
	defer func() { report.NotRun = len(rows) - len(report.Rows) }()
	shown := rowProgress{w: c.stderr, total: len(rows)}
	defer shown.over()
	missed := 0
	for _, row := range rows {
		if ctx.Err() != nil {
			return &exit{code: result.ExitInterrupted, err: errors.New("interrupted")}
		}
		shown.draw(report, row.ID)
		began := time.Now()
		r := row.Run(target)
		report.add(r, time.Since(began))
		if missed++; !r.Missed && r.Outcome != check.Broken {
			missed = 0
		}
		if missed%manyMissed != 0 || missed == 0 {
			continue
		}
		if err := check.Reach(target); err != nil {
			return &exit{code: result.ExitFault, err: fmt.Errorf("the server is gone since row %s, and may have fallen over it or the one before: %s", report.Rows[len(report.Rows)-missed].ID, printable(err.Error()))}
		}
	}
	return nil
}
