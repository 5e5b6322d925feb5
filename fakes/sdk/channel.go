package sdk

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/coder/websocket"

	"github.com/proxyspec/proxyspec/conformance/contract"
	"github.com/proxyspec/proxyspec/fakes/internal/queue"
	"github.com/proxyspec/proxyspec/fakes/sdrtn"
	"github.com/proxyspec/proxyspec/relay"
)

const (
	requestLimit = 10 * time.Second
	leaveLimit   = 2 * time.Second
	pingTimeout  = 10 * time.Second
)

// channel is the message connection: a WebSocket to a gateway, through whatever proxy its URL names.
type channel struct {
	ws       *websocket.Conn
	pause    time.Duration // from ping to ping; negative: none
	out      *queue.Queue[sdrtn.Frame]
	incoming *queue.Queue[sdrtn.Frame] // what isn't a reply, in order

	life context.Context // ends when the connection is lost; the cause says why
	lose context.CancelCauseFunc
	done chan struct{} // closed when run has returned

	mu   sync.Mutex
	next int
	open map[int]chan sdrtn.Frame
}

// dialChannel opens a connection. Somebody must call run.
func dialChannel(ctx context.Context, client *http.Client, url string, pause time.Duration) (*channel, error) {
	ws, response, err := websocket.Dial(ctx, url, &websocket.DialOptions{HTTPClient: client})
	if err != nil {
		if response != nil && response.Body != nil {
			var r relay.Refusal
			body, _ := io.ReadAll(io.LimitReader(response.Body, 1<<10))
			if json.Unmarshal(body, &r) == nil && r.Error.Code != "" {
				return nil, fmt.Errorf("%s: refused: %s: %s", url, r.Error.Code, r.Error.Message)
			}
		}
		return nil, fmt.Errorf("%s: %w", url, err)
	}
	ws.SetReadLimit(1 << 20)
	ch := &channel{
		ws: ws, pause: pause, out: queue.New[sdrtn.Frame](), incoming: queue.New[sdrtn.Frame](),
		done: make(chan struct{}), next: 1, open: map[int]chan sdrtn.Frame{},
	}
	ch.life, ch.lose = context.WithCancelCause(context.Background())
	return ch, nil
}

// run carries the connection until it is lost or closed.
func (ch *channel) run() {
	defer close(ch.done)
	var children sync.WaitGroup
	children.Go(func() { ch.lose(ch.write()) })
	if ch.pause > 0 {
		children.Go(func() { ch.lose(ch.ping()) })
	}
	ch.lose(ch.read())
	_ = ch.ws.CloseNow()
	children.Wait()
}

func (ch *channel) read() error {
	for {
		_, text, err := ch.ws.Read(ch.life)
		if err != nil {
			return fmt.Errorf("the message connection is lost: %w", err)
		}
		var f sdrtn.Frame
		if err := json.Unmarshal(text, &f); err != nil {
			return fmt.Errorf("SD-RTN sent what is not a frame: %w", err)
		}
		if f.Type != sdrtn.TypeOK && f.Type != sdrtn.TypeError {
			ch.incoming.Put(f)
			continue
		}
		ch.mu.Lock()
		reply := ch.open[f.ID]
		delete(ch.open, f.ID)
		ch.mu.Unlock()
		if reply != nil {
			reply <- f // has room for it
		}
	}
}

func (ch *channel) write() error {
	for {
		frames := ch.out.Take(ch.life)
		if frames == nil {
			return ch.life.Err()
		}
		for _, f := range frames {
			if err := ch.ws.Write(ch.life, websocket.MessageText, sdrtn.Encode(f)); err != nil {
				return fmt.Errorf("the message connection is lost: %w", err)
			}
		}
	}
}

func (ch *channel) ping() error {
	ticker := time.NewTicker(ch.pause)
	defer ticker.Stop()
	for {
		select {
		case <-ch.life.Done():
			return ch.life.Err()
		case <-ticker.C:
		}
		answered, cancel := context.WithTimeout(ch.life, pingTimeout)
		err := ch.ws.Ping(answered)
		cancel()
		if err != nil {
			return fmt.Errorf("the message connection is lost: no answer to a ping: %w", err)
		}
	}
}

// begin sends a request. Requests go out in the order in which begin was called; it never blocks. await
// waits for the reply.
func (ch *channel) begin(f sdrtn.Frame) (await func(context.Context) (sdrtn.Frame, error)) {
	reply := make(chan sdrtn.Frame, 1)
	ch.mu.Lock()
	f.ID = ch.next
	ch.next++
	ch.open[f.ID] = reply
	ch.out.Put(f)
	ch.mu.Unlock()
	return func(ctx context.Context) (sdrtn.Frame, error) {
		ctx, cancel := context.WithTimeoutCause(ctx, requestLimit,
			contract.SDKError(CodeTimeout, fmt.Sprintf("SD-RTN did not answer %s within %v", f.Type, requestLimit)))
		defer cancel()
		select {
		case answer := <-reply:
			if answer.Type == sdrtn.TypeError {
				return answer, contract.SDKError(answer.Code, "refused by SD-RTN: "+answer.Message)
			}
			return answer, nil
		case <-ctx.Done():
			return sdrtn.Frame{}, context.Cause(ctx)
		case <-ch.life.Done():
			return sdrtn.Frame{}, contract.SDKError(CodeNotConnected, context.Cause(ch.life).Error())
		}
	}
}

// request sends a request and waits for its reply.
func (ch *channel) request(ctx context.Context, f sdrtn.Frame) (sdrtn.Frame, error) {
	return ch.begin(f)(ctx)
}

// leave takes leave of SD-RTN and closes the connection. If it is lost already nothing is sent.
func (ch *channel) leave() {
	if ch.life.Err() == nil {
		ctx, cancel := context.WithTimeout(context.Background(), leaveLimit)
		_, err := ch.request(ctx, sdrtn.Frame{Type: sdrtn.TypeLeave})
		cancel()
		if err == nil {
			_ = ch.ws.Close(websocket.StatusNormalClosure, "")
		}
	}
	ch.lose(errors.New("left"))
	<-ch.done
}
