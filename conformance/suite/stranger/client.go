package stranger

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/proxyspec/proxyspec/conformance/contract"
)

// client is one client of the SDK. All but the counts belongs to the goroutine that runs its box.
type client struct {
	sdk  *SDK
	name string
	line *contract.Line
	box  *mailbox

	mode  string
	codec string
	appID string
	set   *setting
	stay  *stay         // in a channel, or on the way there; nil while OUT
	free  chan struct{} // closed once nothing of the stay before is left

	counts counts

	// What only faults look at.
	inits, joins, starts, stops int
	created, failed, doomed     bool
}

func newClient(s *SDK, name string, line *contract.Line, p contract.CreateClient, given setting) *client {
	c := &client{sdk: s, name: name, line: line, box: newMailbox(), mode: p.Mode, codec: p.Codec, set: &given, free: make(chan struct{}), created: given.own()}
	if s.has("shared-settings") {
		c.set = &s.shared
	}
	close(c.free)
	go c.box.run()
	return c
}

// begin is every call but those of the SDK as a whole.
func (c *client) begin(call *contract.Call) {
	switch call.Method {
	case contract.MethodInit:
		call.Reply(nil, c.init(call))
	case contract.MethodStartProxyServer:
		call.Reply(nil, c.startProxyServer())
	case contract.MethodStopProxyServer:
		call.Reply(nil, c.stopProxyServer())
	case contract.MethodSetProxyServer:
		call.Reply(nil, c.setProxyServer(call))
	case contract.MethodSetTurnServer:
		call.Reply(nil, c.setTurnServer(call))
	case contract.MethodJoin:
		c.join(call)
	case contract.MethodLeave:
		c.leave(call)
	case contract.MethodPublish:
		c.publish(call)
	case contract.MethodSubscribe:
		c.subscribe(call)
	case contract.MethodSend:
		c.send(call)
	case contract.MethodStats:
		call.Reply(c.counts.stats(), nil)
	default:
		call.Reply(nil, contract.NotSupported(call.Method))
	}
}

func refused(why string) error { return contract.SDKError("INVALID_OPERATION", why) }

func (c *client) init(call *contract.Call) error {
	var p contract.Init
	if err := call.Bind(&p); err != nil {
		return err
	}
	c.appID = p.AppID
	if c.sdk.has("init-clears-settings") {
		*c.set = setting{}
	}
	c.inits++
	return nil
}

// inside tells whether the client is in a channel, or on its way there.
func (c *client) inside() bool {
	switch {
	case c.sdk.has("free-in-reconnect") && c.stay != nil && c.stay.joining == nil && !c.stay.up:
		return false
	case c.sdk.has("stuck-after-failure") && c.failed:
		return true
	}
	return c.stay != nil
}

// early is what a call at a forbidden time does.
func (c *client) early(method string, slip func()) error {
	joining := c.stay != nil && c.stay.joining != nil
	switch name := c.sdk.twist; {
	case name == "late-"+method && !joining, name == "early-"+method && joining:
		slip()
	case name == "silent-"+method:
		return nil
	}
	return refused(method + " is for before join and after leave")
}

func (c *client) startProxyServer() error {
	if c.inside() {
		if c.sdk.has("start-moves-the-call") && c.stay.wire != nil {
			c.stay.set, c.stay.way = setting{cloud: true}, way{}
			c.stay.wire.cancel()
		}
		return c.early("start", func() { c.set.cloud = true })
	}
	switch {
	case c.sdk.has("init-before-start") && c.appID == "":
		return refused("init comes first")
	case c.sdk.has("starts-once") && c.joins > 0, c.sdk.has("stops-for-good") && c.stops > 0:
		return refused("no more")
	case c.sdk.has("start-again-errors") && c.set.cloud:
		return refused("it has started")
	case c.sdk.has("start-again-stops") && c.set.cloud:
		c.set.cloud = false
		return nil
	}
	if c.conflicts() && c.sdk.has("conflicts-show-at-join") {
		c.doomed = true
		return nil
	}
	if c.conflicts() {
		if c.sdk.has("refused-start-clears") {
			*c.set = setting{}
		}
		return refused("startProxyServer can't be mixed with setProxyServer and setTurnServer")
	}
	if c.set.cloud {
		c.starts++
	}
	c.set.cloud = true
	if c.sdk.has("asks-at-start") {
		go c.sdk.ask(context.Background(), c.sdk.endpoints.Lookup[0], asked{AppID: c.appID, SDKVersion: c.sdk.version(), Channel: "?"})
	}
	return nil
}

// conflicts tells whether servers of one's own are set.
func (c *client) conflicts() bool {
	s := *c.set
	switch c.sdk.twist {
	case "mixes-proxy":
		s.proxy = ""
	case "mixes-turn":
		s.turn = nil
	case "mixes-both":
		return (s.proxy == "") != (len(s.turn) == 0)
	case "mixes-optional-turn":
		s.turn = slices.DeleteFunc(slices.Clone(s.turn), func(t turnServer) bool { return !t.force })
	case "mixes-created":
		if c.created {
			return false
		}
	case "mixes-after-join":
		if c.joins > 0 {
			return false
		}
	}
	return s.own()
}

func (c *client) stopProxyServer() error {
	if c.inside() {
		if c.sdk.has("stop-hangs-up") {
			c.stay.end(errors.New("the cloud proxy was stopped"))
		}
		return c.early("stop", func() { *c.set = setting{} })
	}
	select {
	case <-c.free:
	default:
		if c.sdk.has("leave-before-stop") {
			return refused("leave is under way")
		}
		if c.sdk.has("stop-in-leave-is-lost") {
			return nil
		}
	}
	if c.sdk.has("stop-of-nothing-errors") && !c.set.cloud && !c.set.own() {
		return refused("nothing is set")
	}
	c.stops++
	cleared := setting{}
	switch was := *c.set; c.sdk.twist {
	case "stop-keeps-cloud":
		cleared.cloud = was.cloud
	case "stop-keeps-proxy":
		cleared.proxy = was.proxy
	case "stop-keeps-turn":
		cleared.turn = was.turn
	case "stop-keeps-second":
		if was.proxy != "" {
			cleared.turn = was.turn
		}
	case "stop-keeps-created":
		if c.created {
			cleared = was
		}
	case "counts-starts":
		if c.starts > 0 {
			c.starts--
			cleared = was
		}
	}
	*c.set = cleared
	return nil
}

// maySet tells whether a server of one's own may be named now; slip is what a fault does although it may not.
func (c *client) maySet(method string, slip func()) error {
	if c.inside() {
		return c.early(method, slip)
	}
	if c.set.cloud && !c.sdk.has("mixes-"+method) {
		if c.sdk.has("refused-" + method + "-sets") {
			c.set.cloud = false
			slip()
		}
		return refused("the set methods can't be mixed with startProxyServer")
	}
	return nil
}

func (c *client) setProxyServer(call *contract.Call) error {
	var p contract.SetProxyServer
	if err := call.Bind(&p); err != nil {
		return err
	}
	set := func() {
		if c.set.proxy == "" || !c.sdk.has("first-proxy-stays") {
			c.set.proxy = p.ProxyServer
		}
		if c.sdk.has("proxy-replaces-turn") {
			c.set.turn = nil
		}
	}
	if err := c.maySet("set-proxy", set); err != nil {
		return err
	}
	if err := c.sdk.checkText("proxyServer", p.ProxyServer); err != nil {
		return err
	}
	set()
	return nil
}

func (c *client) setTurnServer(call *contract.Call) error {
	var p contract.SetTurnServer
	if err := call.Bind(&p); err != nil {
		return err
	}
	servers, unknown, err := c.sdk.turnServers(p.TurnServer)
	set := func() {
		if len(c.set.turn) == 0 || !c.sdk.has("first-turn-stays") {
			c.set.turn = servers
		}
		if c.sdk.has("turn-replaces-proxy") {
			c.set.proxy = ""
		}
	}
	if err := c.maySet("set-turn", set); err != nil {
		return err
	}
	if err != nil {
		return err
	}
	for _, key := range unknown {
		c.tell(contract.Event{Type: contract.EventWarning, Reason: "setTurnServer knows no key " + key})
	}
	set()
	return nil
}

func (c *client) tell(e contract.Event) {
	e.Client = c.name
	c.line.Event(e)
}

func (c *client) state(state, reason string) {
	c.tell(contract.Event{Type: contract.EventState, State: state, Reason: reason})
}

// counts are the client's statistics: tracks count from goroutines of their own.
type counts struct {
	mu sync.Mutex
	contract.Stats
}

func (n *counts) add(change func(*contract.Stats)) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.Received == nil {
		n.Received = map[string]contract.MediaStats{}
	}
	change(&n.Stats)
}

func (n *counts) stats() (copied contract.Stats) {
	n.add(func(s *contract.Stats) {
		copied = *s
		copied.Received = map[string]contract.MediaStats{}
		for uid, media := range s.Received {
			copied.Received[uid] = media
		}
	})
	return copied
}
