package stranger

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/url"
	"time"

	"github.com/coder/websocket"
)

// frame is a message between an SDK and a gateway.
type frame struct {
	Type       string `json:"type"`
	ID         int    `json:"id,omitempty"`
	AppID      string `json:"appId,omitempty"`
	ChannelKey string `json:"channelKey,omitempty"`
	Channel    string `json:"channel,omitempty"`
	UID        string `json:"uid,omitempty"`
	SDKVersion string `json:"sdkVersion,omitempty"`
	Resume     string `json:"resume,omitempty"`
	Text       string `json:"text,omitempty"`
	Seq        int    `json:"seq,omitempty"`
	Audio      bool   `json:"audio,omitempty"`
	Video      bool   `json:"video,omitempty"`
	SDP        string `json:"sdp,omitempty"`
	Code       string `json:"code,omitempty"`
	Message    string `json:"message,omitempty"`
}

var errLost = errors.New("the connection to SD-RTN is lost")

// wire is a connection to a gateway. Its methods are for the client's goroutine, but for those that say otherwise.
type wire struct {
	sdk     *SDK
	box     *mailbox
	socket  *websocket.Conn
	out     *mailbox // written in order, by a goroutine of its own
	ctx     context.Context
	cancel  context.CancelFunc
	last    int
	waiting map[int]func(frame, error)
	over    bool
	ended   chan struct{} // reading has ended
}

// open connects to the first of urls that answers. It waits, and is for any goroutine.
func (s *SDK) open(ctx context.Context, urls []string) (socket *websocket.Conn, err error) {
	if s.has("knocks-at-every-relay") {
		for _, u := range urls {
			if to, err := url.Parse(u); err == nil {
				s.knock(net.JoinHostPort(to.Hostname(), "443"))
			}
		}
	}
	err = errors.New("there is no way to SD-RTN")
	for _, u := range urls {
		if socket, err = s.openOne(ctx, u); err == nil {
			return socket, nil
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
	}
	return nil, err
}

func (s *SDK) openOne(ctx context.Context, u string) (*websocket.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	socket, _, err := websocket.Dial(ctx, u, &websocket.DialOptions{HTTPClient: s.browser()})
	if err != nil {
		return nil, fmt.Errorf("connect to SD-RTN: %w", err)
	}
	socket.SetReadLimit(1 << 20)
	return socket, nil
}

// start begins to read and to write: frames and the end are told by box.
func start(s *SDK, box *mailbox, socket *websocket.Conn, told func(frame), lost func()) *wire {
	w := &wire{sdk: s, box: box, socket: socket, out: newMailbox(), waiting: map[int]func(frame, error){}, ended: make(chan struct{})}
	w.ctx, w.cancel = context.WithCancel(context.Background())
	go w.out.run()
	go w.read(told, lost)
	go w.beat()
	return w
}

func (w *wire) read(told func(frame), lost func()) {
	defer close(w.ended)
	for {
		_, text, err := w.socket.Read(w.ctx)
		if err != nil {
			w.cancel()
			w.socket.CloseNow()
			w.out.stop()
			w.box.post(func() {
				w.fail()
				lost()
			})
			return
		}
		var f frame
		if json.Unmarshal(text, &f) != nil {
			continue
		}
		w.box.post(func() {
			if reply := w.waiting[f.ID]; f.ID > 0 && reply != nil {
				delete(w.waiting, f.ID)
				var err error
				if f.Type == "error" {
					err = fmt.Errorf("SD-RTN says %s: %s", f.Code, f.Message)
				}
				reply(f, err)
			} else if f.ID == 0 {
				told(f)
			}
		})
	}
}

// beat notices a connection that has died in silence.
func (w *wire) beat() {
	pause := beatPause
	switch w.sdk.twist {
	case "beats-often":
		pause = 2 * time.Second
	case "no-beat":
		return
	case "beats-in-frames":
		w.beatInFrames()
		return
	}
	tick := time.NewTicker(pause)
	defer tick.Stop()
	for {
		select {
		case <-w.ctx.Done():
			return
		case <-tick.C:
		}
		ctx, cancel := context.WithTimeout(w.ctx, beatTime)
		err := w.socket.Ping(ctx)
		cancel()
		if err != nil {
			w.cancel()
			return
		}
	}
}

// fail ends what waits for an answer.
func (w *wire) fail() {
	w.over = true
	waiting := w.waiting
	w.waiting = map[int]func(frame, error){}
	for id := range w.last + 1 {
		if reply := waiting[id]; reply != nil {
			reply(frame{}, errLost)
		}
	}
}

// request sends a frame; reply is called once, by the client's goroutine.
func (w *wire) request(f frame, reply func(frame, error)) {
	if w.over {
		reply(frame{}, errLost)
		return
	}
	w.last++
	f.ID = w.last
	if w.sdk.has("ids-in-leaps") {
		w.last += 16
	}
	w.waiting[f.ID] = reply
	text, err := json.Marshal(f)
	if err != nil {
		panic(err)
	}
	id := f.ID
	limit := replyTime
	if w.sdk.has("impatient") {
		limit = 300 * time.Millisecond
	}
	if w.sdk.has("sends-again") && f.Type == "message" {
		time.AfterFunc(300*time.Millisecond, func() {
			w.box.post(func() {
				if w.waiting[id] != nil {
					w.waiting[id+1<<20] = func(frame, error) {}
					again := f
					again.ID = id + 1<<20
					text, _ := json.Marshal(again)
					w.out.post(func() { w.socket.Write(w.ctx, websocket.MessageText, text) })
				}
			})
		})
	}
	if w.sdk.has("padded-frames") {
		text = append(text, bytes.Repeat([]byte{' '}, 100)...)
	}
	timer := time.AfterFunc(limit, func() {
		w.box.post(func() {
			if w.waiting[id] != nil {
				w.cancel() // whoever answers nothing is gone
			}
		})
	})
	w.waiting[id] = func(f frame, err error) {
		timer.Stop()
		reply(f, err)
	}
	if w.sdk.has("writes-at-random") && f.Type == "message" && id%5 == 0 {
		time.AfterFunc(time.Millisecond, func() { w.socket.Write(w.ctx, websocket.MessageText, text) })
		return
	}
	w.out.post(func() {
		if w.ctx.Err() != nil || w.socket.Write(w.ctx, websocket.MessageText, text) != nil {
			w.cancel()
		}
	})
}

// close says goodbye, after what was written before; done is closed when nothing of the connection is left.
func (w *wire) close() (done <-chan struct{}) {
	w.out.post(func() {
		switch w.sdk.twist {
		case "hangs-up":
			w.socket.CloseNow()
		case "going-away":
			w.socket.Close(websocket.StatusGoingAway, "page closed")
		default:
			w.socket.Close(websocket.StatusNormalClosure, "")
		}
		w.cancel()
	})
	return w.ended
}

// beatInFrames asks by the gateway's own ping.
func (w *wire) beatInFrames() {
	for {
		select {
		case <-w.ctx.Done():
			return
		case <-time.After(beatPause):
			w.box.post(func() {
				w.request(frame{Type: "ping"}, func(frame, error) {})
			})
		}
	}
}
