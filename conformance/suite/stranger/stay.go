package stranger

import (
	"context"
	"errors"
	"time"

	"github.com/coder/websocket"

	"github.com/proxyspec/proxyspec/conformance/contract"
)

// stay is one stay in a channel, from join to leave. It belongs to its client's goroutine.
type stay struct {
	c       *client
	params  contract.Join
	set     setting // as it was at join
	joining *contract.Call
	ctx     context.Context // ends with the stay
	cancel  context.CancelFunc

	way     way
	wire    *wire
	up      bool // joined, on this wire
	uid     string
	resume  string
	queue   []func() // what waits for the channel
	streams []*stream
	warm    bool // media has been tried

	heardLast, sentLast string // what only faults look at
}

func (c *client) join(call *contract.Call) {
	var p contract.Join
	if err := call.Bind(&p); err != nil {
		call.Reply(nil, err)
		return
	}
	if c.stay != nil && c.sdk.has("second-join-is-fine") {
		call.Reply(contract.JoinResult{UID: c.stay.uid}, nil)
		return
	}
	if c.stay != nil || c.appID == "" || c.sdk.has("init-again") && c.joins == c.inits {
		call.Reply(nil, refused("join needs init before it, and a client that is in no channel"))
		return
	}
	if c.doomed {
		call.Reply(nil, refused("startProxyServer can't be mixed with setProxyServer and setTurnServer"))
		return
	}
	c.joins++
	c.failed = false
	s := &stay{c: c, params: p, set: *c.set, joining: call, uid: p.UID}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	c.stay = s
	if c.sdk.has("cloud-for-one-join") {
		c.set.cloud = false
	}
	c.state(contract.StateConnecting, "")
	s.connect(c.free)
}

// connect looks for a way and a gateway, once before has ended.
func (s *stay) connect(before <-chan struct{}) {
	ctx, cancel := context.WithTimeout(s.ctx, joinTime)
	old := s.way
	go func() {
		defer cancel()
		<-before
		if s.c.sdk.has("reconnects-late") && len(old.messages) > 0 {
			time.Sleep(3 * time.Second)
		}
		w, socket, err := s.reach(ctx, old)
		s.c.box.post(func() { s.reached(w, socket, err) })
	}()
}

// reach tries the way that there is, then a new one, until a gateway answers or there is no time left; the first time it
// tries one way only.
func (s *stay) reach(ctx context.Context, old way) (way, *websocket.Conn, error) {
	sdk, again := s.c.sdk, len(old.messages) > 0
	ask := asked{AppID: s.c.appID, SDKVersion: sdk.version(), Channel: s.params.Channel, UID: s.params.UID}
	if again && s.c.sdk.has("reconnects-direct") {
		old.messages, again = sdk.endpoints.Gateways, true
	}
	if again && !sdk.has("looks-up-to-reconnect") && (old.expires.IsZero() || time.Now().Before(old.expires)) {
		if socket, err := sdk.open(ctx, old.messages); err == nil {
			return old, socket, nil
		}
	}
	for pause := time.Second; ; pause *= 2 {
		w, err := sdk.way(ctx, s.set, ask)
		if err == nil {
			var socket *websocket.Conn
			if socket, err = sdk.open(ctx, w.messages); err == nil {
				return w, socket, nil
			}
		}
		if !again && !s.set.cloud && sdk.has("cloud-when-direct-fails") {
			s.set.cloud, again = true, true
		}
		if !again || errors.As(err, new(final)) {
			return way{}, nil, err
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return way{}, nil, err
		}
	}
}

func (s *stay) reached(w way, socket *websocket.Conn, err error) {
	if s.ctx.Err() != nil { // left meanwhile
		if socket != nil {
			socket.CloseNow()
		}
		return
	}
	if err != nil {
		s.end(err)
		return
	}
	s.way = w
	switch s.c.sdk.twist {
	case "standby":
		go s.standby(w.messages[len(w.messages)-1])
	case "looks-up-on-and-on":
		go func() {
			for range 10 {
				time.Sleep(15 * time.Second)
				s.c.sdk.way(context.Background(), s.set, asked{AppID: s.c.appID, SDKVersion: s.c.sdk.version(), Channel: s.params.Channel})
			}
		}()
	}
	s.wire = start(s.c.sdk, s.c.box, socket, s.heard, s.lost)
	join := frame{
		Type: "join", AppID: s.c.appID, Channel: s.params.Channel, ChannelKey: s.params.ChannelKey, UID: s.uid,
		SDKVersion: s.c.sdk.version(), Resume: s.resume,
	}
	s.wire.request(join, func(reply frame, err error) {
		switch {
		case s.ctx.Err() != nil:
		case errors.Is(err, errLost): // lost says the rest
		case err != nil:
			s.end(err)
		default:
			s.joined(reply)
		}
	})
}

func (s *stay) joined(reply frame) {
	if s.joining != nil && s.c.sdk.has("joins-when-media-is-ready") && !s.warm {
		s.warmUp(reply)
		return
	}
	s.up, s.uid, s.resume = true, reply.UID, reply.Resume
	s.c.state(contract.StateConnected, "")
	if s.joining != nil {
		s.joining.Reply(contract.JoinResult{UID: s.uid}, nil)
		s.joining = nil
	}
	queue := s.queue
	s.queue = nil
	for _, f := range queue {
		f()
	}
	for _, m := range s.streams {
		m.restart()
	}
}

// lost is the end of a wire.
func (s *stay) lost() {
	if s.ctx.Err() != nil {
		return
	}
	if s.up {
		s.up = false
		s.c.state(contract.StateReconnecting, "")
	}
	if s.c.sdk.has("never-reconnects") {
		return
	}
	s.connect(s.wire.ended)
}

// end is a stay that failed.
func (s *stay) end(err error) {
	c := s.c
	if c.failed = true; c.sdk.has("failure-clears-settings") {
		*c.set = setting{}
	}
	s.close(err, func() {})
	c.tell(contract.Event{Type: contract.EventError, Reason: err.Error()})
	c.state(contract.StateDisconnected, err.Error())
}

// close ends the stay at once, and calls done when nothing of it is left.
func (s *stay) close(why error, done func()) {
	c := s.c
	c.stay = nil
	s.cancel()
	if s.joining != nil {
		switch c.sdk.twist {
		case "joins-anyway":
			s.joining.Reply(contract.JoinResult{UID: s.uid}, nil)
		case "never-says-that-it-failed":
		default:
			s.joining.Reply(nil, contract.SDKError("JOIN_FAILED", why.Error()))
		}
		s.joining = nil
	}
	queue := s.queue
	s.queue = nil
	for _, f := range queue {
		f()
	}
	free := make(chan struct{})
	c.free = free
	gone := make(chan struct{})
	go s.clear(gone)
	go func() {
		<-gone
		close(free)
		c.box.post(done)
	}()
	for _, m := range s.streams {
		m.give(why)
	}
}

// clear takes down what the stay has.
func (s *stay) clear(gone chan struct{}) {
	defer close(gone)
	switch sdk := s.c.sdk; {
	case sdk.has("keeps-playing"):
		streams := s.streams
		time.AfterFunc(5*time.Second, func() {
			for _, m := range streams {
				m.stop()
			}
		})
	case sdk.has("keeps-allocations"):
		streams := s.streams
		time.AfterFunc(3*time.Minute, func() {
			for _, m := range streams {
				m.stop()
			}
		})
	default:
		for _, m := range s.streams {
			m.stop()
		}
	}
	if s.wire == nil {
		return
	}
	if s.up && !s.c.sdk.has("leaves-without-a-word") {
		left := make(chan struct{})
		s.c.box.post(func() {
			s.wire.request(frame{Type: "leave"}, func(frame, error) { close(left) })
		})
		<-left
	}
	if s.c.sdk.has("keeps-its-connection") {
		time.AfterFunc(3*time.Minute, func() { s.wire.close() })
		return
	}
	<-s.wire.close()
}

func (c *client) leave(call *contract.Call) {
	if c.stay == nil {
		call.Reply(nil, nil)
		return
	}
	switch c.sdk.twist {
	case "leave-clears-cloud":
		c.set.cloud = false
	case "leave-clears-servers":
		c.set.proxy, c.set.turn = "", nil
	}
	c.state(contract.StateDisconnecting, "")
	if c.sdk.has("leaves-at-once") {
		c.stay.close(errors.New("leave was called"), func() {})
		c.state(contract.StateDisconnected, "")
		call.Reply(nil, nil)
		return
	}
	c.stay.close(errors.New("leave was called"), func() {
		if c.stay == nil {
			c.state(contract.StateDisconnected, "")
		}
		call.Reply(nil, nil)
	})
}

// quit leaves for good.
func (c *client) quit(done func()) {
	if c.stay != nil {
		c.stay.close(errors.New("the client is no more"), done)
		return
	}
	free := c.free
	go func() {
		<-free
		c.box.post(done)
	}()
}

// warmUp opens allocations before the join ends, and closes them again.
func (s *stay) warmUp(reply frame) {
	s.warm = true
	p, err := s.c.newPeer(&stream{s: s, to: "nobody", audio: true})
	if err != nil {
		s.end(err)
		return
	}
	go func() {
		p.offer(s.c.sdk)
		p.close()
		s.c.box.post(func() {
			if s.ctx.Err() == nil && !s.wire.over {
				s.joined(reply)
			}
		})
	}()
}

// standby has a second message connection open, for when the first one breaks.
func (s *stay) standby(u string) {
	if socket, err := s.c.sdk.openOne(s.ctx, u); err == nil {
		<-socket.CloseRead(s.ctx).Done()
		socket.CloseNow()
	}
}
