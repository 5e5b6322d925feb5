package crowd

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"

	"github.com/proxyspec/proxyspec/conformance/load"
	"github.com/proxyspec/proxyspec/fakes/sdrtn"
	"github.com/proxyspec/proxyspec/relay"
	"github.com/proxyspec/proxyspec/sim"
)

const (
	// deaf is how long a user hears nothing of its media before it looks for another way.
	deaf = 5 * time.Second
	// lull is how long a user is quiet before it leaves.
	lull = time.Second
	// leaveLimit is how long a user waits for its goodbyes to be answered.
	leaveLimit = 5 * time.Second
)

// pauses are the waits before the attempts to come back.
var pauses = []time.Duration{time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second, 16 * time.Second}

// user is a light client: all of a proxied call but WebRTC.
type user struct {
	fleet   *fleet
	host    *sim.Host
	number  int // in the crowd, from 0
	appID   string
	channel string
	uid     string
	resume  string // of SD-RTN, once it has joined

	// What came of it; whoever reads it waits for tally.
	sent, returned   atomic.Uint64 // media
	said, heard, gap atomic.Uint64 // messages
}

// stay is one time in the call, from the lookup until a part of the way is lost.
type stay struct {
	ws     *websocket.Conn
	media  *allocation
	back   atomic.Int64  // when media came back last, in Unix nanoseconds
	first  chan struct{} // closed when the first came back
	closed context.CancelCauseFunc
	life   context.Context // ends when a part of the way is lost

	// Of the pacer.
	quiet         atomic.Bool // there is nothing more to send
	next, refresh time.Time   // when a message is due, and a refresh
	said          int
}

// run has the user in its call until ctx ends. The first attempt must succeed: its error is returned. A way that is lost
// later is taken up again.
func (u *user) run(ctx context.Context, tell func(event, time.Duration)) error {
	began := time.Now()
	s, err := u.begin(ctx)
	if err != nil {
		tell(failed, 0)
		return err
	}
	tell(joined, time.Since(began))
	for {
		u.carry(ctx, s)
		if ctx.Err() != nil {
			u.leave(s)
			return nil
		}
		s.drop()
		began = time.Now()
		tell(lost, 0)
		if s = u.again(ctx); s == nil {
			return nil // for good: the count of lost ones tells
		}
		tell(rejoined, time.Since(began))
	}
}

// event is what a crowd is told of a user.
type event int

const (
	joined event = iota
	failed
	lost
	rejoined
)

// again tries to come back, a few times; nil if it can't.
func (u *user) again(ctx context.Context) *stay {
	for _, pause := range pauses {
		if !sleep(ctx, pause) {
			return nil
		}
		if s, err := u.begin(ctx); err == nil {
			return s
		}
	}
	return nil
}

func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// begin looks the way up, opens the message channel, joins, and makes an allocation that media comes back through.
func (u *user) begin(ctx context.Context) (_ *stay, err error) {
	s := &stay{first: make(chan struct{})}
	s.life, s.closed = context.WithCancelCause(context.Background())
	defer func() {
		if err != nil {
			s.drop()
		}
	}()
	way, err := u.lookup(ctx)
	if err != nil {
		return nil, err
	}
	if s.ws, err = u.openChannel(ctx, way.MessageURLs); err != nil {
		return nil, err
	}
	go u.listen(s)
	for _, server := range way.ICEServers {
		if err = u.allocate(s, server); err == nil {
			return s, u.hear(ctx, s)
		}
	}
	return nil, err
}

// allocate makes an allocation at one relay.
func (u *user) allocate(s *stay, server relay.ICEServer) error {
	at, err := overUDP(server)
	if err != nil {
		return &reason{"media-failed", err}
	}
	conn, err := u.host.Dial("udp", at)
	if err != nil {
		return &reason{"media-failed", err}
	}
	gateways := u.fleet.gateways
	peer := netip.AddrPortFrom(gateways[u.number%len(gateways)], echoPort)
	s.media, err = allocate(conn, server.Username, server.Credential, peer, func(payload []byte) { u.receive(s, payload) })
	if err == nil {
		return nil
	}
	conn.Close()
	s.media = nil
	var refused *refusedError
	if errors.As(err, &refused) {
		return &reason{fmt.Sprintf("allocation-refused-%d", refused.code), err}
	}
	return &reason{"media-failed", err}
}

// overUDP is where a server takes TURN over UDP.
func overUDP(server relay.ICEServer) (string, error) {
	for _, u := range server.URLs {
		if at, ok := strings.CutSuffix(u, "?transport=udp"); ok {
			return strings.TrimPrefix(at, "turn:"), nil
		}
	}
	return "", fmt.Errorf("no TURN over UDP in %v", server.URLs)
}

// hear sends media until some comes back.
func (u *user) hear(ctx context.Context, s *stay) error {
	packet := frame(u.fleet.plan.Payload)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for range tries {
		u.send(s, packet)
		timer.Reset(firstWait)
		select {
		case <-s.first:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		case <-timer.C:
		}
	}
	return &reason{"media-silent", errSilent}
}

// send sends one packet of media, with who sends it and the how many-th it is.
func (u *user) send(s *stay, packet []byte) {
	n := u.sent.Add(1)
	binary.BigEndian.PutUint32(packet[channelHead:], uint32(u.number))
	binary.BigEndian.PutUint64(packet[channelHead+4:], n)
	_, _ = s.media.conn.Write(packet)
}

// receive takes a packet of media that came back.
func (u *user) receive(s *stay, payload []byte) {
	if len(payload) != u.fleet.plan.Payload || binary.BigEndian.Uint32(payload) != uint32(u.number) || binary.BigEndian.Uint64(payload[4:]) > u.sent.Load() {
		s.closed(errors.New("media of somebody else"))
		return
	}
	u.returned.Add(1)
	if s.back.Swap(time.Now().UnixNano()) == 0 {
		close(s.first)
	}
}

// listen reads the message channel until it is lost.
func (u *user) listen(s *stay) {
	last := 0
	for {
		_, text, err := s.ws.Read(s.life)
		if err != nil {
			s.closed(fmt.Errorf("the message channel is lost: %w", err))
			return
		}
		var f sdrtn.Frame
		if err := json.Unmarshal(text, &f); err != nil {
			s.closed(fmt.Errorf("SD-RTN sent what is not a frame: %w", err))
			return
		}
		if f.Type != sdrtn.TypeMessage {
			continue
		}
		u.heard.Add(1)
		if f.Seq != last+1 {
			u.gap.Add(1)
		}
		last = f.Seq
	}
}

// carry has media and messages sent, and the allocation kept, until ctx ends or a part of the way is lost.
func (u *user) carry(ctx context.Context, s *stay) {
	s.next, s.refresh = time.Now().Add(u.fleet.plan.Messages), time.Now().Add(refreshEvery)
	u.fleet.pacer.add(u, s)
	select {
	case <-ctx.Done():
	case <-s.life.Done():
	}
	s.quiet.Store(true)
}

// beat sends a burst of media, and does what else is due.
func (u *user) beat(s *stay, packet []byte, every time.Duration) {
	for range u.fleet.plan.Burst {
		u.send(s, packet)
	}
	now := time.Now()
	if now.Sub(time.Unix(0, s.back.Load())) > deaf+every {
		s.closed(errors.New("the media is lost"))
		return
	}
	if !now.Before(s.next) {
		s.next = s.next.Add(u.fleet.plan.Messages)
		s.said++
		go u.say(s, s.said+1)
	}
	if !now.Before(s.refresh) {
		s.refresh = s.refresh.Add(refreshEvery)
		go func() {
			if err := s.media.refresh(); err != nil {
				s.closed(err)
			}
		}()
	}
}

// say sends a message to the others in the channel.
func (u *user) say(s *stay, id int) {
	f := sdrtn.Frame{Type: sdrtn.TypeMessage, ID: id, Text: fmt.Sprintf("%s, %d", u.uid, id)}
	if err := s.ws.Write(s.life, websocket.MessageText, sdrtn.Encode(f)); err != nil {
		s.closed(fmt.Errorf("the message channel is lost: %w", err))
		return
	}
	u.said.Add(1)
}

func (u *user) count(r *load.Report) {
	r.Media.Sent += u.sent.Load()
	r.Media.Returned += u.returned.Load()
	r.Messages.Sent += u.said.Load()
	r.Messages.Received += u.heard.Load()
	r.Messages.Gaps += u.gap.Load()
}

// leave takes leave of everybody, when the media that is under way has come.
func (u *user) leave(s *stay) {
	time.Sleep(lull)
	ctx, cancel := context.WithTimeout(s.life, leaveLimit)
	defer cancel()
	s.media.free()
	_ = s.ws.Write(ctx, websocket.MessageText, sdrtn.Encode(sdrtn.Frame{Type: sdrtn.TypeLeave, ID: 1 << 20}))
	_ = s.ws.Close(websocket.StatusNormalClosure, "")
	s.drop()
}

// drop ends what there is of a stay.
func (s *stay) drop() {
	s.closed(net.ErrClosed)
	if s.ws != nil {
		_ = s.ws.CloseNow()
	}
	if s.media != nil {
		_ = s.media.conn.Close()
	}
}
