package adapter

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strings"
	"time"

	"github.com/proxyspec/proxyspec/conformance/contract"
	"github.com/proxyspec/proxyspec/sim/kernel"
)

// Who is to blame for a finding.
const (
	BlameAdapter = "adapter"
	BlameSDK     = "SDK"
	BlameHarness = "harness"
)

// Finding is one thing that Check tried.
type Finding struct {
	Name  string // "handshake"
	Blame string // who is to blame; empty: all is well
	Words string // what was seen
}

const (
	startLimit = 30 * time.Second // for the first reply
	replyLimit = 5 * time.Second  // for a call that needs no network
	leaveLimit = 20 * time.Second // for a join that was left, and for leaving
	slowWait   = 300 * time.Millisecond
)

// errOver says that nothing more can be tried.
var errOver = errors.New("over")

// Check starts a command as a run would, on a network where nobody answers, and tries what every scenario needs: tell
// hears of each finding as it comes. The error is one of the harness; that something is wrong with the adapter or the
// SDK is a finding. ok tells whether there was none.
func Check(ctx context.Context, command []string, tell func(Finding)) (ok bool, err error) {
	ca, err := someAuthority()
	if err != nil {
		return false, err
	}
	c := &checkup{ok: true, tell: tell, ca: ca}
	if err := c.start(command); err != nil {
		return false, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- c.client.Run(ctx) }()
	for _, try := range []func(context.Context) error{c.handshake, c.smoke, c.unknown, c.slow, c.farewell} {
		if err = try(ctx); err != nil {
			break
		}
	}
	cancel()
	fault := <-ended
	_ = c.process.Close()
	_ = c.cell.Close()
	c.last(fault, err == nil)
	return c.ok, nil
}

// checkup is a Check under way.
type checkup struct {
	tell    func(Finding)
	ok      bool
	cell    *kernel.Cell
	process *Process
	client  *contract.Client
	watch   *witness
	made    string // the client
	pending string // what a call must not wait for, as the end of a sentence
	ca      string
}

func (c *checkup) found(name, blame, format string, args ...any) {
	if blame != "" {
		c.ok = false
	}
	c.tell(Finding{name, blame, fmt.Sprintf(format, args...)})
}

// start puts the command into a cell whose network swallows everything.
func (c *checkup) start(command []string) (err error) {
	c.cell, err = kernel.NewCell(kernel.Site{Address: netip.MustParseAddr("10.10.0.2"), DNS: netip.MustParseAddr("10.10.0.53")})
	if err != nil {
		return err
	}
	device := c.cell.Device()
	go func() { _, _ = io.Copy(io.Discard, device); _ = device.Close() }() // until the cell is gone
	if _, err = c.cell.Look(kernel.Expect{}); err == nil {
		c.process, err = Start(InCell(c.cell, command), nil)
	}
	if err != nil {
		return errors.Join(err, c.cell.Close())
	}
	c.watch = &witness{ReadWriteCloser: c.process}
	c.client = contract.NewClient(contract.ClientConfig{RW: c.watch})
	return nil
}

// call makes a call and says what is wrong, if that isn't the SDK's own refusal.
func (c *checkup) call(ctx context.Context, name, method string, params, result any, limit time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	return c.judge(name, method, limit, c.client.Call(ctx, method, params, result))
}

// judge says what is wrong with how a call ended, if that isn't the SDK's own refusal.
func (c *checkup) judge(name, method string, limit time.Duration, err error) error {
	var sdk *contract.Error
	var fault *contract.Fault
	switch {
	case err == nil:
		return nil
	case errors.As(err, &fault):
		c.found(name, BlameAdapter, "%s: %v", method, fault)
		return errOver
	case errors.Is(err, context.DeadlineExceeded):
		words := c.process.words()
		if c.watch.silent() {
			words = "; nothing has come on its standard output: does it flush every line?" + words
		} else if part := c.watch.unended(); part != "" {
			words = fmt.Sprintf("; the last line on its standard output has no line feed at its end: %.200q%s", part, words)
		}
		c.found(name, BlameAdapter, "%s got no reply within %v%s%s", method, limit, c.pending, words)
		return errOver
	case errors.As(err, &sdk):
		return sdk
	}
	c.found(name, BlameAdapter, "%s: the session is over: %v", method, err)
	return errOver
}

func (c *checkup) handshake(ctx context.Context) error {
	var r contract.HelloResult
	err := c.call(ctx, "handshake", contract.MethodHello, contract.Hello{Protocol: contract.Protocol, Network: "kernel", CA: c.ca,
		Endpoints: contract.Endpoints{Lookup: []string{"https://192.0.2.17:443/v1/lookup", "https://198.51.100.229:443/v1/lookup"},
			Gateways: []string{"wss://198.51.100.11/v1/channel"}}}, &r, startLimit)
	switch {
	case errors.Is(err, errOver):
		return err
	case err != nil:
		c.found("handshake", BlameAdapter, "hello must not fail: %v", err)
		return errOver
	case r.Protocol != contract.Protocol || r.Name == "":
		c.found("handshake", BlameAdapter, "hello returned protocol %d and name %q; want protocol %d and a name", r.Protocol, r.Name, contract.Protocol)
		return errOver
	}
	c.found("handshake", "", "%s %s", r.Name, r.Version)
	return nil
}

func (c *checkup) smoke(ctx context.Context) error {
	var made contract.CreateClientResult
	if err := c.call(ctx, "smoke call", contract.MethodCreateClient, contract.CreateClient{Mode: "live", Codec: "vp8"}, &made, replyLimit); err != nil {
		if !errors.Is(err, errOver) {
			c.found("smoke call", BlameSDK, "createClient failed: %v", err)
		}
		return errOver
	}
	c.made = made.Client
	var missing []string
	for _, call := range []struct {
		method string
		params any
	}{ // in the order of the document's sample
		{contract.MethodStartProxyServer, contract.ClientCall{Client: c.made}},
		{contract.MethodInit, contract.Init{Client: c.made, AppID: "app-proxyspec-0001"}},
	} {
		err := c.call(ctx, "smoke call", call.method, call.params, nil, replyLimit)
		var e *contract.Error
		switch {
		case errors.Is(err, errOver):
			return err
		case errors.As(err, &e) && e.Code == contract.CodeMethodNotFound:
			missing = append(missing, call.method)
		case err != nil:
			c.found("smoke call", BlameSDK, "%s failed on a new client: %v", call.method, err)
			return nil
		}
	}
	if len(missing) > 0 {
		c.found("smoke call", "", "what needs %s will be \"not supported\": the SDK doesn't have it", strings.Join(missing, " or "))
		return nil
	}
	c.found("smoke call", "", "createClient, init and startProxyServer return")
	return nil
}

func (c *checkup) unknown(ctx context.Context) error {
	const method = "noSuchMethod"
	err := c.call(ctx, "unknown method", method, contract.ClientCall{Client: c.made}, nil, replyLimit)
	var e *contract.Error
	switch {
	case errors.Is(err, errOver):
		return err
	case errors.As(err, &e) && e.Code == contract.CodeMethodNotFound:
		c.found("unknown method", "", "it gets %d", contract.CodeMethodNotFound)
	case err == nil:
		c.found("unknown method", BlameAdapter, "%s succeeded; a method that doesn't exist gets error code %d", method, contract.CodeMethodNotFound)
	default:
		c.found("unknown method", BlameAdapter, "%s got %v; it gets error code %d", method, err, contract.CodeMethodNotFound)
	}
	return nil
}

// slow begins a join, which takes long where nobody answers, and makes another call meanwhile.
func (c *checkup) slow(ctx context.Context) error {
	const name = "slow call"
	join, err := c.client.Begin(contract.MethodJoin, contract.Join{Client: c.made, Channel: "town-hall", UID: "alice"})
	if err != nil {
		c.found(name, BlameAdapter, "join: %v", err)
		return errOver
	}
	select {
	case <-join.Done():
		return c.early(name, join)
	case <-time.After(slowWait):
	}
	asked := time.Now()
	c.pending = " while a join was under way: calls mustn't wait for earlier ones"
	err = c.call(ctx, name, contract.MethodStopProxyServer, contract.ClientCall{Client: c.made}, nil, replyLimit)
	c.pending = ""
	if errors.Is(err, errOver) {
		return err
	}
	select {
	case <-join.Done():
		if waited := time.Since(asked); waited > slowWait {
			c.found(name, BlameAdapter, "stopProxyServer was answered %.1fs after it was called, when join had ended: calls mustn't wait for earlier ones", waited.Seconds())
			return nil
		}
		return c.early(name, join)
	default:
	}
	if err := c.call(ctx, name, contract.MethodLeave, contract.ClientCall{Client: c.made}, nil, leaveLimit); errors.Is(err, errOver) {
		return err
	}
	select {
	case <-join.Done():
		c.found(name, "", "calls are answered while a join is under way, and leave ends it")
	case <-time.After(leaveLimit):
		c.found(name, BlameSDK, "join has not ended %v after leave", leaveLimit)
	}
	return nil
}

// early is said of a join that ended before it could hold anything up. Where nobody answers it has failed, and why is
// what its author wants to know.
func (c *checkup) early(name string, join *contract.Pending) error {
	_, err := join.Result()
	if errors.Is(c.judge(name, join.Method, 0, err), errOver) {
		return errOver
	}
	how := "it succeeded"
	if err != nil {
		how = err.Error()
	}
	c.found(name, "", "join ended at once (%s): that it holds nothing up wasn't seen", how)
	return nil
}

func (c *checkup) farewell(ctx context.Context) error {
	for _, method := range []string{contract.MethodReset, contract.MethodShutdown} {
		if err := c.call(ctx, "end", method, struct{}{}, nil, leaveLimit); err != nil {
			if !errors.Is(err, errOver) {
				c.found("end", BlameAdapter, "%s must not fail: %v", method, err)
			}
			return errOver
		}
	}
	return nil
}

// last says what can only be said when the program is gone.
func (c *checkup) last(fault error, whole bool) {
	if whole {
		switch {
		case fault != nil:
			c.found("end", BlameAdapter, "%v", fault)
		case !c.process.Success():
			c.found("end", BlameAdapter, "after shutdown it %s, and should end by itself with status 0", strings.TrimPrefix(c.process.how(), "it "))
		default:
			c.found("end", "", "it ends after shutdown")
		}
	}
	if problem := c.watch.problem(); problem != "" {
		c.found("schema", BlameAdapter, "%s", problem)
	} else if whole {
		c.found("schema", "", "all %d lines are as the contract has them", c.watch.lines)
	}
}
