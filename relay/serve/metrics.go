package serve

import (
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/proxyspec/proxyspec/relay"
	"github.com/proxyspec/proxyspec/relay/turn"
)

const prefix = "cloudproxy_"

// metrics counts events as they come, and reads what media carries when somebody asks.
type metrics struct {
	server   *Server
	registry *prometheus.Registry

	lookups     *prometheus.CounterVec
	connections *prometheus.GaugeVec
	connected   *prometheus.CounterVec
	refused     *prometheus.CounterVec
	messages    *prometheus.CounterVec
	bytes       *prometheus.CounterVec
	allocated   *prometheus.CounterVec
	errors      *prometheus.CounterVec
	reloads     *prometheus.CounterVec
	linesLost   prometheus.Counter
	joins       prometheus.Histogram

	allocations, packets, octets, accountPackets, accountBytes, unanswered, expires, draining *prometheus.Desc

	mu       sync.Mutex
	sessions sessions
	carried  map[accountWay]turn.Traffic // by allocations that have ended
	told     map[accountWay]turn.Traffic // the last that was said: a counter never falls
}

// accountWay is one direction of an account's media at a relay.
type accountWay struct{ relay, account, direction string }

func newMetrics(s *Server) *metrics {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: prefix + name, Help: help}, labels)
	}
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc(prefix+name, help, labels, nil)
	}
	m := &metrics{
		server: s, registry: prometheus.NewRegistry(),
		lookups: counter("lookups_total", "Lookups, by the edge's answer: \"answered\" or the code of the refusal.", "edge", "result"),
		connections: prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: prefix + "message_connections", Help: "Message connections that are open."},
			[]string{"relay", "account"}),
		connected: counter("message_connections_total", "Message connections that were opened.", "relay", "account"),
		refused:   counter("refused_total", "TCP connections, message connections, allocations and permissions that were refused, by code. TCP connections are counted as the log tells of them, once a second.", "node", "what", "code"),
		messages:  counter("messages_total", "Messages relayed.", "relay", "account", "direction"),
		bytes:     counter("message_bytes_total", "Bytes of messages relayed.", "relay", "account", "direction"),
		allocated: counter("allocations_created_total", "Allocations made.", "relay", "account", "transport"),
		errors:    counter("connection_errors_total", "Connections that came to nothing, such as failed TLS handshakes.", "node"),
		reloads:   counter("reloads_total", "Reloads of accounts and certificate.", "result"),
		linesLost: prometheus.NewCounter(prometheus.CounterOpts{Name: prefix + "log_lines_lost_total", Help: "Lines that a slow log had no room for, or that couldn't be written."}),
		joins: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: prefix + "join_seconds", Help: "From the answer to a lookup to its session's first message connection or allocation.",
			Buckets: []float64{.01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30},
		}),
		allocations:    desc("allocations", "Allocations that there are.", "relay", "transport"),
		packets:        desc("media_packets_total", "Packets of media, by what became of them.", "relay", "direction", "outcome"),
		octets:         desc("media_bytes_total", "Bytes of media, by what became of them.", "relay", "direction", "outcome"),
		accountPackets: desc("account_media_packets_total", "Packets of media relayed.", "relay", "account", "direction"),
		accountBytes:   desc("account_media_bytes_total", "Bytes of media relayed.", "relay", "account", "direction"),
		unanswered:     desc("strangers_unanswered_total", "Requests that went unanswered because their source had too many.", "relay"),
		expires:        desc("certificate_expires_seconds", "When the certificate expires, in Unix time."),
		draining:       desc("draining", "1 while calls are being let end."),
		carried:        make(map[accountWay]turn.Traffic), told: make(map[accountWay]turn.Traffic),
	}
	m.begin()
	m.registry.MustRegister(m, m.lookups, m.connections, m.connected, m.refused, m.messages, m.bytes, m.allocated, m.errors, m.reloads,
		m.linesLost, m.joins, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		collectors.NewBuildInfoCollector())
	return m
}

// begin makes the counters that alerts look at begin at 0: one that first appears with its first event hides it from
// rate and increase.
func (m *metrics) begin() {
	for _, result := range []string{"done", "failed"} {
		m.reloads.WithLabelValues(result)
	}
	cfg := m.server.cfg
	for _, e := range cfg.Edges {
		if cfg.here(e.Name) {
			m.lookups.WithLabelValues(e.Name, "answered")
			m.beginNode(e.Name)
		}
	}
	for _, r := range cfg.relaysHere() {
		m.beginNode(r.Name)
	}
}

func (m *metrics) beginNode(name string) {
	m.errors.WithLabelValues(name)
	m.refused.WithLabelValues(name, "connection", relay.CodeCapacity)
}

// hear counts an event. An App ID is a label only where it is an account's: else anybody could make up labels.
func (m *metrics) hear(e relay.Event) {
	switch e.Name {
	case relay.EventLookupAnswered:
		m.lookups.WithLabelValues(e.Node, "answered").Inc()
		m.mu.Lock()
		m.sessions.add(e.Session, e.AppID, time.Now())
		m.mu.Unlock()
	case relay.EventLookupRefused:
		m.lookups.WithLabelValues(e.Node, e.Code).Inc()
	case relay.EventMessagesOpened:
		m.joined(e)
		m.connections.WithLabelValues(e.Node, e.AppID).Inc()
		m.connected.WithLabelValues(e.Node, e.AppID).Inc()
	case relay.EventMessagesClosed:
		m.connections.WithLabelValues(e.Node, e.AppID).Dec()
	case relay.EventMessagesUp, relay.EventMessagesDown:
		direction := "up"
		if e.Name == relay.EventMessagesDown {
			direction = "down"
		}
		m.messages.WithLabelValues(e.Node, e.AppID, direction).Inc()
		m.bytes.WithLabelValues(e.Node, e.AppID, direction).Add(float64(e.Bytes))
	case relay.EventMessagesRefused:
		m.refused.WithLabelValues(e.Node, "messages", e.Code).Inc()
	case relay.EventAllocationRefused:
		m.refused.WithLabelValues(e.Node, "allocation", e.Code).Inc()
	case relay.EventPermissionRefused:
		m.refused.WithLabelValues(e.Node, "permission", e.Code).Inc()
	case relay.EventConnectionRefused:
		m.refused.WithLabelValues(e.Node, "connection", e.Code).Add(float64(e.Count))
	case relay.EventAllocationCreated:
		m.allocated.WithLabelValues(e.Node, m.joined(e), e.Proto).Inc()
	case relay.EventAllocationDeleted:
		m.mu.Lock()
		account := m.sessions.account(e.Session)
		m.carry(accountWay{e.Node, account, "up"}, e.Up)
		m.carry(accountWay{e.Node, account, "down"}, e.Down)
		m.mu.Unlock()
	case relay.EventServerError:
		m.errors.WithLabelValues(e.Node).Inc()
	}
}

func (m *metrics) carry(way accountWay, t relay.Traffic) {
	c := m.carried[way]
	m.carried[way] = turn.Traffic{Packets: c.Packets + uint64(t.Count), Bytes: c.Bytes + uint64(t.Bytes)}
}

// joined observes a session's first connection, and returns the account.
func (m *metrics) joined(e relay.Event) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	if e.AppID != "" {
		m.sessions.know(e.Session, e.AppID)
	}
	if took, first := m.sessions.join(e.Session, time.Now()); first {
		m.joins.Observe(took.Seconds())
	}
	return m.sessions.account(e.Session)
}
