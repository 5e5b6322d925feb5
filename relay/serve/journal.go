package serve

import (
	"context"
	"log/slog"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/proxyspec/proxyspec/relay"
)

// lines is how many events may wait for a log that is slow. What comes on top is lost and counted: media must not
// wait for a disk.
const lines = 8192

// journal logs the cloud proxy's events.
type journal struct {
	log  *slog.Logger
	line chan relay.Event
	lost prometheus.Counter
}

func newJournal(log *slog.Logger, lost prometheus.Counter) *journal {
	return &journal{log: log, line: make(chan relay.Event, lines), lost: lost}
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
	if !j.log.Enabled(context.Background(), level(e)) {
		return
	}
	select {
	case j.line <- e:
	default:
		j.lost.Inc()
	}
}

// write logs until ctx ends, and then what is left.
func (j *journal) write(ctx context.Context) {
	for {
		select {
		case e := <-j.line:
			j.entry(e)
			continue
		default:
		}
		select {
		case e := <-j.line:
			j.entry(e)
		case <-ctx.Done():
			for len(j.line) > 0 {
				j.entry(<-j.line)
			}
			return
		}
	}
}

// entry is an event without what it doesn't have. None of an event's fields is a secret.
func (j *journal) entry(e relay.Event) {
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
	j.log.LogAttrs(context.Background(), level(e), e.Name, attrs...)
}
