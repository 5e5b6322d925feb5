package relay

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"
)

const (
	pingTimeout  = 10 * time.Second // for a pong
	writeTimeout = 30 * time.Second // for one message to be taken by a slow reader
	closeTimeout = 6 * time.Second  // for a close frame to be answered; the library's own 5 s must come first, not at once
)

// side is one of the two WebSockets that a link joins.
type side struct {
	ws  *websocket.Conn
	raw net.Conn // under TLS
}

func newSide(ws *websocket.Conn, raw net.Conn) side {
	ws.SetReadLimit(-1) // read keeps the limit, so that the close frame has our words
	return side{ws, raw}
}

var errTooBig = errors.New("message too big")

// read reads the next message into buf.
func (s side) read(buf *bytes.Buffer) (websocket.MessageType, error) {
	kind, r, err := s.ws.Reader(context.Background())
	if err != nil {
		return 0, err
	}
	buf.Reset()
	if _, err := buf.ReadFrom(io.LimitReader(r, MaxMessage+1)); err != nil {
		return 0, err
	}
	if buf.Len() > MaxMessage {
		return 0, errTooBig
	}
	return kind, nil
}

func (s side) write(kind websocket.MessageType, message []byte) error {
	ctx, cancel := context.WithTimeout(context.Background(), writeTimeout)
	defer cancel()
	return s.ws.Write(ctx, kind, message)
}

// close says why and waits for the answer, but never longer than closeTimeout: the library waits
// without end for the rest of a message that is too big. Without a code there is nobody to tell.
func (s side) close(why websocket.CloseError) {
	if why.Code == 0 {
		s.cut()
		return
	}
	guard := time.AfterFunc(closeTimeout, func() { s.raw.Close() })
	defer guard.Stop()
	s.ws.Close(why.Code, why.Reason)
}

// cut ends the connection without a word: it is closed already, or doesn't listen any more.
func (s side) cut() {
	s.raw.Close()
	s.ws.CloseNow()
}

// link carries messages between a client and a gateway, one at a time in each direction: while the
// receiver doesn't take a message, no other is read, so that TCP slows the sender down.
//
// Each side's reader alone decides how that side ended. Whoever else finds a side dead cuts it, and
// its reader comes to know.
type link struct {
	client, gateway side
	log             func(Event)

	mu    sync.Mutex
	seen  Event // with the traffic so far
	books Books

	moved   atomic.Int64 // messages read and written, to tell a slow side from a dead one
	writing atomic.Int32 // writes under way
	over    atomic.Bool  // a verdict has been given
}

// verdict says how a link ended and what each side is told.
type verdict struct {
	code      string // of the event
	broke     bool   // the client did not say goodbye, and neither did SD-RTN
	toClient  websocket.CloseError
	toGateway websocket.CloseError
	detail    string
}

// run carries messages until one side ends or ctx does, reports the verdict at once, closes both
// sides and returns when everything about them has ended.
func (l *link) run(ctx context.Context, ping time.Duration, report func(verdict)) {
	verdicts := make(chan verdict, 2)
	watch, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { verdicts <- clientEnded(l.pump(l.client, l.gateway, true)) })
	running.Go(func() { verdicts <- gatewayEnded(l.pump(l.gateway, l.client, false)) })
	if ping > 0 {
		running.Go(func() { l.watch(watch, l.client, ping) })
		running.Go(func() { l.watch(watch, l.gateway, ping) })
	}

	var v verdict
	select {
	case v = <-verdicts:
	case <-ctx.Done():
		bye := websocket.CloseError{Code: websocket.StatusGoingAway, Reason: ReasonStopping}
		v = verdict{code: CodeStopping, broke: true, toClient: bye, toGateway: bye}
	}
	l.over.Store(true)
	report(v)
	stop()
	running.Go(func() { l.client.close(v.toClient) })
	running.Go(func() { l.gateway.close(v.toGateway) })
	running.Wait()

	l.seen.Name, l.seen.Code, l.seen.Detail, l.seen.Bytes = EventMessagesClosed, v.code, v.detail, 0
	l.seen.Books = &l.books
	l.log(l.seen)
}

// pump carries messages one way until the sender ends, and says how it did. A receiver that can't be
// written to is cut. From then on this only listens for the sender's end: if the receiver's own pump
// is stuck, because the sender doesn't read either, there is no other news of it.
func (l *link) pump(from, to side, up bool) error {
	var buf bytes.Buffer
	for cut := false; ; {
		kind, err := from.read(&buf)
		if err != nil {
			return err
		}
		if cut || l.over.Load() {
			l.book(buf.Len(), up, false)
			if l.over.Load() {
				return nil
			}
			l.moved.Add(1)
			continue
		}
		l.moved.Add(1)
		l.log(l.count(buf.Len(), up))
		l.writing.Add(1)
		err = to.write(kind, buf.Bytes())
		l.writing.Add(-1)
		l.book(buf.Len(), up, err == nil)
		if err != nil {
			to.cut()
			cut = true
		}
		l.moved.Add(1)
	}
}

// count is the event of one message.
func (l *link) count(n int, up bool) Event {
	l.mu.Lock()
	defer l.mu.Unlock()
	e := &l.seen
	if up {
		e.Name = EventMessagesUp
		e.Up.add(n)
	} else {
		e.Name = EventMessagesDown
		e.Down.add(n)
	}
	e.Bytes, e.Detail = n, ""
	return *e
}

// book enters what became of one message.
func (l *link) book(n int, up, passed bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	b := &l.books.Down
	if up {
		b = &l.books.Up
	}
	b.In.add(n)
	if passed {
		b.Out.add(n)
	} else {
		b.Dropped.add(n)
	}
}

// watch pings a side and cuts it when it doesn't answer. Nobody is pinged while a message is stuck: its
// receiver has writeTimeout to take it, and its sender, which isn't read meanwhile, could not answer.
func (l *link) watch(ctx context.Context, s side, every time.Duration) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if l.writing.Load() > 0 {
			continue
		}
		before := l.moved.Load()
		pong, cancel := context.WithTimeout(ctx, pingTimeout)
		err := s.ws.Ping(pong)
		cancel()
		if err != nil && ctx.Err() == nil && l.moved.Load() == before && l.writing.Load() == 0 {
			s.cut()
			return
		}
	}
}

func clientEnded(err error) verdict {
	lost := websocket.CloseError{Code: websocket.StatusGoingAway, Reason: ReasonClientLost}
	v := verdict{code: CodeClientLost, broke: true, toGateway: lost, detail: fmt.Sprintf("client: %v", err)}
	if bye := new(websocket.CloseError); errors.As(err, bye) {
		v = verdict{toGateway: *bye, detail: fmt.Sprintf("the client closed with %d", bye.Code)}
	} else if errors.Is(err, errTooBig) {
		v.code = CodeTooBig
		v.toClient = websocket.CloseError{Code: websocket.StatusMessageTooBig, Reason: ReasonTooBig}
	}
	return v
}

func gatewayEnded(err error) verdict {
	lost := websocket.CloseError{Code: CloseUpstream, Reason: ReasonUpstream}
	v := verdict{code: CodeUpstream, broke: true, toClient: lost, detail: fmt.Sprintf("SD-RTN: %v", err)}
	if bye := new(websocket.CloseError); errors.As(err, bye) {
		v = verdict{toClient: *bye, detail: fmt.Sprintf("SD-RTN closed with %d", bye.Code)}
	} else if errors.Is(err, errTooBig) {
		v.code = CodeTooBig
		v.toGateway = websocket.CloseError{Code: websocket.StatusMessageTooBig, Reason: ReasonTooBig}
	}
	return v
}
