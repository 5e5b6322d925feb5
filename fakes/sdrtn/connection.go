package sdrtn

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"sync"
	"time"

	"github.com/coder/websocket"

	"github.com/proxyspec/proxyspec/fakes/internal/queue"
)

const (
	maxFrame     = 256 << 10
	pingInterval = 10 * time.Second // the protocol says so: see the package comment
	pingTimeout  = 10 * time.Second
)

// connection is one WebSocket. One goroutine reads and acts, one writes, one pings.
type connection struct {
	g      *Gateway
	life   context.Context // of the gateway: what outlives the connection ends with it
	ws     *websocket.Conn
	source netip.AddrPort
	out    *queue.Queue[outgoing]
	close  context.CancelCauseFunc

	user *user // belongs to the reader
}

// outgoing is a frame to a client. Of a message, to is the user who gets it.
type outgoing struct {
	Frame
	to *user
}

// send queues a frame. It never blocks, so it may be called with the backbone locked; a client that doesn't
// take its frames is given up after its pings.
func (c *connection) send(f Frame) { c.out.Put(outgoing{Frame: f}) }

// run carries the connection until it ends, and then takes its user out of the channel.
func (c *connection) run() {
	ctx, cancel := context.WithCancelCause(c.life)
	c.close = cancel
	var children sync.WaitGroup
	children.Go(func() { cancel(c.write(ctx)) })
	children.Go(func() { cancel(c.ping(ctx)) })
	cancel(c.read(ctx))
	_ = c.ws.CloseNow()
	children.Wait()

	why := context.Cause(ctx).Error()
	gone := Event{Name: EventDisconnected, Source: c.source, Detail: why}
	if u := c.user; u != nil {
		gone.User, gone.Channel = u.uid, u.key.channel
		if c.g.cfg.Backbone.leave(u, why) {
			c.g.retire(c.life, u, why, 0)
		}
	}
	c.g.log(gone)
}

func (c *connection) ping(ctx context.Context) error {
	ticker := time.NewTicker(pingInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
		}
		answered, cancel := context.WithTimeout(ctx, pingTimeout)
		err := c.ws.Ping(answered)
		cancel()
		if err != nil {
			return fmt.Errorf("no answer to a ping: %w", err)
		}
	}
}

func (c *connection) write(ctx context.Context) error {
	for {
		frames := c.out.Take(ctx)
		if frames == nil {
			return ctx.Err()
		}
		for _, f := range frames {
			if f.to != nil {
				out := f.to.event(EventMessageOut, "")
				out.Peer, out.Digest = f.UID, digest(f.Text)
				c.g.log(out)
			}
			if err := c.ws.Write(ctx, websocket.MessageText, Encode(f.Frame)); err != nil {
				return fmt.Errorf("write: %w", err)
			}
		}
	}
}

// Encode is the text message of a frame, padded as the protocol asks.
func Encode(f Frame) []byte {
	text, err := json.Marshal(f)
	if err != nil {
		panic(fmt.Sprintf("sdrtn: a Frame cannot be marshalled: %v", err)) // it has only strings, numbers and booleans
	}
	if f.SDP != "" {
		if over := len(text) % PadBlock; over > 0 {
			text = append(text, bytes.Repeat([]byte{' '}, PadBlock-over)...)
		}
	}
	return text
}

func (c *connection) read(ctx context.Context) error {
	for {
		_, text, err := c.ws.Read(ctx)
		if code := websocket.CloseStatus(err); code != -1 || errors.Is(err, io.EOF) {
			return errors.New("closed by the client")
		}
		if err != nil {
			return fmt.Errorf("read: %w", err)
		}
		var f Frame
		if err := json.Unmarshal(text, &f); err != nil {
			c.refuse(f, &refusal{CodeMalformed, err.Error()})
			continue
		}
		reply, err := c.act(ctx, f)
		if err != nil {
			c.refuse(f, err)
		} else if reply.Type != "" {
			reply.ID = f.ID
			c.send(reply)
		}
	}
}

// act does what a request asks. A reply without a type has been sent already.
func (c *connection) act(ctx context.Context, f Frame) (Frame, error) {
	ok := Frame{Type: TypeOK}
	if f.ID <= 0 {
		return ok, &refusal{CodeMalformed, "a request needs an id above 0"}
	}
	switch f.Type {
	case TypeJoin:
		return Frame{}, c.join(f)
	case TypePing:
		return ok, nil
	}
	if c.user == nil {
		return ok, &refusal{CodeNotJoined, f.Type + " before join"}
	}
	switch f.Type {
	case TypeLeave:
		if c.g.cfg.Backbone.leave(c.user, "leave") {
			c.g.retire(c.life, c.user, "leave", linger)
		}
		c.user = nil
		return ok, nil
	case TypeMessage:
		in := c.user.event(EventMessageIn, "")
		in.Digest = digest(f.Text)
		c.g.log(in)
		c.g.cfg.Backbone.message(c.user, f.Text)
		return ok, nil
	case TypePublish:
		sdp, err := c.publish(ctx, f)
		ok.SDP = sdp
		return ok, err
	case TypeUnpublish:
		return ok, c.unpublish()
	case TypeSubscribe:
		sdp, err := c.subscribe(ctx, f)
		ok.SDP = sdp
		return ok, err
	case TypeUnsubscribe:
		return ok, c.unsubscribe(f.UID)
	default:
		return ok, &refusal{CodeMalformed, fmt.Sprintf("there is no request %q", f.Type)}
	}
}

func (c *connection) join(f Frame) error {
	switch {
	case c.user != nil:
		return &refusal{CodeAlreadyJoined, "this connection has joined as user " + c.user.uid}
	case f.AppID == "" || f.Channel == "":
		return &refusal{CodeMalformed, "join needs appId and channel"}
	}
	token, err := c.g.token()
	if err != nil {
		return err
	}
	u, old, err := c.g.cfg.Backbone.join(c, f, token)
	if err != nil {
		return err
	}
	c.user = u
	if old != nil {
		old.conn.g.retire(old.conn.life, old, "the user resumed on another connection", 0)
		old.conn.close(errors.New("the user resumed on another connection"))
	}
	return nil
}

// refuse answers a request with an error. One that isn't a refusal is the gateway's own failure.
func (c *connection) refuse(f Frame, err error) {
	var r *refusal
	if !errors.As(err, &r) {
		r = &refusal{"internal", err.Error()}
	}
	e := Event{Name: EventRefused, Source: c.source, Code: r.code, Detail: r.message}
	if c.user != nil {
		e.User, e.Channel = c.user.uid, c.user.key.channel
	}
	c.g.log(e)
	c.send(Frame{Type: TypeError, ID: f.ID, Code: r.code, Message: r.message})
}

func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}
