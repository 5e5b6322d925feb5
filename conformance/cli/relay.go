package cli

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/signal"
	"path"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/proxyspec/proxyspec/conformance/result"
	"github.com/proxyspec/proxyspec/relay/check"
	"github.com/proxyspec/proxyspec/sim/firewall"
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
	rows          string
	answer, quiet time.Duration
	format, out   string
}

func (c *command) relayCommand() *cobra.Command {
	relay := &cobra.Command{
		Use:   "relay",
		Short: "Check a TURN server against its RFCs",
		Args:  noArguments,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	relay.AddCommand(c.relayCheckCommand())
	return relay
}

func (c *command) relayCheckCommand() *cobra.Command {
	var o relayOrder
	cmd := &cobra.Command{
		Use:   "check HOST:PORT -u USER:PASSWORD",
		Short: "Run the rows of RFC 8656 and RFC 8489 against any TURN server",
		Long: `Check sends a TURN server what each row says, and compares what comes back with what the RFCs demand. The
server may be anyone's; ask its owner first. Peers are sockets of this machine, at addresses that the server
must be able to reach and willing to relay to. Expiries, which take minutes, are left out: "proxyspec run
features/relay" has them, in virtual time.

Exit codes: 0 every row passed or isn't offered; 1 a row failed; 2 usage; 3 the server can't be reached, or a
peer's socket can't be opened; 6 the report couldn't be written; 130 interrupted.`,
		Example: `  proxyspec relay check 192.0.2.1:3478 -u alice:secret
  proxyspec relay check turn.example.org:5349 -u alice:secret --transport tls --format junit --out turn.xml
  proxyspec relay check 127.0.0.1:3478 -u alice:secret --other bob:secret --peer 127.0.0.1 --peer 127.0.0.2`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usage(fmt.Errorf("%s takes one server, HOST:PORT, and was given %d arguments", cmd.CommandPath(), len(args)))
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error {
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
	f.StringVar(&o.rows, "rows", "", `only rows whose ID matches this pattern: "26/*"`)
	f.DurationVar(&o.answer, "answer", 2*time.Second, "how long an answer may take")
	f.DurationVar(&o.quiet, "quiet", 200*time.Millisecond, "how long silence is listened to")
	f.StringVar(&o.format, "format", "text", "text, json or junit")
	f.StringVar(&o.out, "out", "", "the file for the report (default: standard output)")
	return cmd
}

func (c *command) relayCheck(o relayOrder) (err error) {
	write, ok := relayFormats[o.format]
	if !ok {
		return usage(fmt.Errorf("--format must be text, json or junit, not %q", o.format))
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	target, err := o.target(ctx)
	if err != nil {
		return err
	}
	defer target.close()
	if err := check.Reach(target.Target); err != nil {
		return &exit{code: result.ExitFault, err: fmt.Errorf("%s over %s: %w", o.server, o.transport, err)}
	}
	report := relayReport{Schema: relaySchema, Tool: tool(), Server: o.server, Transport: o.transport, Began: time.Now().UTC()}
	for _, row := range check.Rows() {
		if matched, err := path.Match(o.rows, row.ID); o.rows != "" && (err != nil || !matched) {
			if err != nil {
				return usage(fmt.Errorf("--rows %q isn't a pattern: write \"26/*\"", o.rows))
			}
			continue
		}
		if !row.Fits(target.Target) {
			continue
		}
		if ctx.Err() != nil {
			return &exit{code: result.ExitInterrupted, err: errors.New("interrupted")}
		}
		report.add(row.Run(target.Target))
	}
	if len(report.Rows) == 0 {
		return usage(fmt.Errorf("--rows %q matches no row over %s", o.rows, o.transport))
	}
	report.Took = time.Since(report.Began)
	out := c.stdout
	if o.out != "" {
		file, err := os.Create(o.out)
		if err != nil {
			return &exit{code: result.ExitReport, err: err}
		}
		defer func() {
			if e := file.Close(); e != nil && err == nil {
				err = &exit{code: result.ExitReport, err: e}
			}
		}()
		out = file
	}
	if err := write(out, report); err != nil {
		return &exit{code: result.ExitReport, err: fmt.Errorf("write the report: %w", err)}
	}
	return report.verdict()
}

// relayTarget is a server on real sockets.
type relayTarget struct {
	check.Target
	held []io.Closer
}

func (t *relayTarget) close() {
	for _, c := range t.held {
		_ = c.Close()
	}
}

// target reads what the user asks for. Nothing is sent before it is all right.
func (o relayOrder) target(ctx context.Context) (*relayTarget, error) {
	t := &relayTarget{Target: check.Target{Stream: o.transport != "udp", Quota: o.quota, Answer: o.answer, Quiet: o.quiet}}
	switch {
	case o.transport != "udp" && o.transport != "tcp" && o.transport != "tls":
		return nil, usage(fmt.Errorf("--transport must be udp, tcp or tls, not %q", o.transport))
	case o.quota < 0:
		return nil, usage(fmt.Errorf("--quota must not be negative, but is %d", o.quota))
	case o.answer <= 0 || o.quiet <= 0:
		return nil, usage(errors.New("--answer and --quiet must be more than nothing"))
	}
	var err error
	if t.User, err = credentials("--user", o.user); err != nil {
		return nil, err
	}
	if o.other != "" {
		if t.Other, err = credentials("--other", o.other); err != nil {
			return nil, err
		}
	}
	server, host, err := o.resolve(ctx)
	if err != nil {
		return nil, err
	}
	if t.Forbidden, err = addresses("--forbidden", o.forbid); err != nil {
		return nil, err
	}
	peers, err := addresses("--peer", o.peers)
	if err != nil {
		return nil, err
	}
	if peers == nil {
		own, err := towards(server)
		if err != nil {
			return nil, &exit{code: result.ExitFault, err: err}
		}
		peers = []netip.Addr{own}
	}
	for _, ip := range peers {
		t.Peers = append(t.Peers, func() (net.PacketConn, error) {
			return net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(ip, 0)))
		})
	}
	secure, err := o.tls(host)
	if err != nil {
		return nil, err
	}
	t.Dial = func() (net.Conn, error) { return t.dial(o.transport, server.String(), secure) }
	return t, nil
}

// dial connects to the server. UDP ports stay taken until the check is over: a server may remember a 5-tuple for a
// while after its allocation was deleted, and the next row would meet it.
func (t *relayTarget) dial(transport, server string, secure *tls.Config) (net.Conn, error) {
	d := &net.Dialer{Timeout: 10 * time.Second}
	switch transport {
	case "udp":
		conn, err := d.Dial("udp", server)
		if err != nil {
			return nil, err
		}
		t.held = append(t.held, conn)
		return heldConn{conn}, nil
	case "tls":
		return tls.DialWithDialer(d, "tcp", server, secure)
	}
	return d.Dial("tcp", server)
}

type heldConn struct{ net.Conn }

func (heldConn) Close() error { return nil }

func credentials(flag, text string) (check.Credentials, error) {
	// The username of time-limited credentials has a colon, too: the last one is ours.
	i := strings.LastIndexByte(text, ':')
	if i <= 0 {
		return check.Credentials{}, usage(fmt.Errorf("%s must be USER:PASSWORD", flag))
	}
	return check.Credentials{Username: text[:i], Password: text[i+1:]}, nil
}

func addresses(flag string, texts []string) (all []netip.Addr, err error) {
	for _, text := range texts {
		ip, err := netip.ParseAddr(text)
		if err != nil || !ip.Is4() {
			return nil, usage(fmt.Errorf("%s must be an IPv4 address, not %q", flag, text))
		}
		all = append(all, ip)
	}
	return all, nil
}

// resolve finds the server's address, and refuses those of the document: they belong to third parties who have
// not asked to be checked.
func (o relayOrder) resolve(ctx context.Context) (at netip.AddrPort, host string, err error) {
	host, port, err := net.SplitHostPort(o.server)
	if err != nil {
		return at, host, usage(fmt.Errorf("the server must be HOST:PORT, not %q", o.server))
	}
	number, err := net.DefaultResolver.LookupPort(ctx, "udp", port)
	if err != nil {
		return at, host, usage(fmt.Errorf("%q is not a port", port))
	}
	ips, err := net.DefaultResolver.LookupNetIP(ctx, "ip4", host)
	if err != nil || len(ips) == 0 {
		return at, host, &exit{code: result.ExitFault, err: fmt.Errorf("find %s: %w", host, err)}
	}
	at = netip.AddrPortFrom(ips[0].Unmap(), uint16(number))
	for _, rule := range firewall.Whitelist().Rules {
		for _, p := range rule.Destinations {
			if p.Contains(at.Addr()) {
				return at, host, usage(fmt.Errorf("%v is one of the document's addresses (row %s): it is somebody else's, and is only ever simulated", at.Addr(), rule.ID))
			}
		}
	}
	return at, host, nil
}

// towards is the address of this machine that reaches the server.
func towards(server netip.AddrPort) (netip.Addr, error) {
	conn, err := net.Dial("udp", server.String()) // which sends nothing
	if err != nil {
		return netip.Addr{}, fmt.Errorf("reach %v: %w", server, err)
	}
	defer conn.Close()
	return conn.LocalAddr().(*net.UDPAddr).AddrPort().Addr().Unmap(), nil
}

func (o relayOrder) tls(host string) (*tls.Config, error) {
	cfg := &tls.Config{ServerName: host, InsecureSkipVerify: o.insecure}
	if o.authority == "" {
		return cfg, nil
	}
	text, err := os.ReadFile(o.authority)
	if err != nil {
		return nil, usage(fmt.Errorf("--ca: %w", err))
	}
	cfg.RootCAs = x509.NewCertPool()
	if !cfg.RootCAs.AppendCertsFromPEM(text) {
		return nil, usage(fmt.Errorf("--ca %s has no certificate", o.authority))
	}
	return cfg, nil
}
