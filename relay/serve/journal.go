package serve

import (
	"context"
	"log/slog"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/proxyspec/proxyspec/relay"
)

const (
	// lines is how many may wait for a log that is slow. What comes on top is lost and counted: media must not
	// wait for a disk.
	lines = 8192
	// logGrace is how long a server that ends waits for its log.
	logGrace = time.Second
)

// journal writes a log for which nobody waits: a disk that is full, a pipe that nobody reads and a terminal that is
// held up lose lines, and neither calls nor the signals that end them. It is the slog.Handler of the server's own
// lines, and hears the cloud proxy's events.
type journal struct {
	slog.Handler // where lines go, and what is logged With something at once
	line         chan func() error
	lost         prometheus.Counter
}

func newJournal(log slog.Handler, lost prometheus.Counter) *journal {
	return &journal{Handler: log, line: make(chan func() error, lines), lost: lost}
}

func (j *journal) put(line func() error) {
	select {
	case j.line <- line:
	default:
		j.lost.Inc()
	}
}

// Handle implements slog.Handler.
func (j *journal) Handle(ctx context.Context, r slog.Record) error {
	j.put(func() error { return j.Handler.Handle(ctx, r) })
	return nil
}

// level is how much an event matters.
func level(e relay.Event) slog.Level {
	switch {
	case e.Name == relay.EventMessagesUp, e.Name == relay.EventMessagesDown, e.Name == relay.EventMediaUp, e.Name == relay.EventMediaDown,
		e.Name == relay.EventLookupReceived, e.Name == relay.EventLookupPreflight, e.Name == relay.EventServerError:
		return slog.LevelDebug
	case strings.HasSuffix(e.Name, ".refused"), e.Code != "" && e.Code != relay.CodeStopping:
		return slog.LevelWarn
	}
	return slog.LevelInfo
}

func (j *journal) hear(e relay.Event) {
	if !j.Enabled(context.Background(), level(e)) {
		return
	}
	now := time.Now() // not when the log has got so far
	j.put(func() error { return j.entry(now, e) })
}

// write logs until ctx ends, and then what is left.
func (j *journal) write(ctx context.Context) {
	for {
		select {
		case line := <-j.line:
			j.try(line)
		case <-ctx.Done():
			j.writeRest()
			return
		}
	}
}

// writeRest logs what is left.
func (j *journal) writeRest() {
	for len(j.line) > 0 {
		j.try(<-j.line)
	}
}

func (j *journal) try(line func() error) {
	if line() != nil {
		j.lost.Inc()
	}
}

// entry is an event without what it doesn't have. None of an event's fields is a secret.
func (j *journal) entry(at time.Time, e relay.Event) error {
	attrs := []slog.Attr{slog.String("node", e.Node)}
	text := func(key, value string) {
		if value != "" {
			attrs = append(attrs, slog.String(key, value))
		}
	}
	text("proto", e.Proto)
	if e.From.IsValid() {
		text("from", e.From.String())
	}
	if e.Relayed.IsValid() {
		text("relayed", e.Relayed.String())
	}
	if e.Peer.IsValid() {
		text("peer", e.Peer.String())
	}
	text("session", e.Session)
	text("app", e.AppID)
	text("channel", e.Channel)
	text("user", e.User)
	text("code", e.Code)
	if e.Name == relay.EventAllocationDeleted || e.Name == relay.EventMessagesClosed {
		attrs = append(attrs, slog.Int("up", e.Up.Count), slog.Int("up-bytes", e.Up.Bytes),
			slog.Int("down", e.Down.Count), slog.Int("down-bytes", e.Down.Bytes))
	}
	text("detail", e.Detail)
	r := slog.NewRecord(at, level(e), e.Name, 0)
	r.AddAttrs(attrs...)
	return j.Handler.Handle(context.Background(), r)
}
