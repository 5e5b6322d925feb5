package serve

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/proxyspec/proxyspec/relay/turn"
)

// Describe implements prometheus.Collector.
func (m *metrics) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		m.allocations, m.packets, m.octets, m.accountPackets, m.accountBytes, m.unanswered, m.expires, m.draining,
	} {
		to <- d
	}
}

// Collect implements prometheus.Collector.
func (m *metrics) Collect(to chan<- prometheus.Metric) {
	value := func(d *prometheus.Desc, kind prometheus.ValueType, v float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, kind, v, labels...)
	}
	sum := make(map[accountWay]turn.Traffic)
	add := func(way accountWay, t turn.Traffic) {
		sum[way] = turn.Traffic{Packets: sum[way].Packets + t.Packets, Bytes: sum[way].Bytes + t.Bytes}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, r := range m.server.relays {
		name := r.Site().Name
		media := r.Media()
		live := map[string]int{"UDP": 0, "TCP": 0}
		for _, a := range media.Allocations {
			live[a.Proto]++
			account := m.sessions.account(a.Session)
			add(accountWay{name, account, "up"}, a.Up[1])
			add(accountWay{name, account, "down"}, a.Down[1])
		}
		for transport, n := range live {
			value(m.allocations, prometheus.GaugeValue, float64(n), name, transport)
		}
		value(m.unanswered, prometheus.CounterValue, float64(media.Totals.Unanswered), name)
		for direction, c := range map[string]turn.Count{"up": media.Totals.Up, "down": media.Totals.Down} {
			for outcome, t := range outcomes(c) {
				value(m.packets, prometheus.CounterValue, float64(t.Packets), name, direction, outcome)
				value(m.octets, prometheus.CounterValue, float64(t.Bytes), name, direction, outcome)
			}
		}
	}
	for way, t := range m.carried {
		add(way, t)
	}
	for way, t := range sum {
		// Between the end of an allocation and its event neither knows of it.
		t.Packets, t.Bytes = max(t.Packets, m.told[way].Packets), max(t.Bytes, m.told[way].Bytes)
		m.told[way] = t
		value(m.accountPackets, prometheus.CounterValue, float64(t.Packets), way.relay, way.account, way.direction)
		value(m.accountBytes, prometheus.CounterValue, float64(t.Bytes), way.relay, way.account, way.direction)
	}
	value(m.expires, prometheus.GaugeValue, float64(m.server.cert.now.Load().Leaf.NotAfter.Unix()))
	draining := 0.0
	if m.server.draining.Load() {
		draining = 1
	}
	value(m.draining, prometheus.GaugeValue, draining)
}

// outcomes is what became of the packets of one direction: their sum is what came in.
func outcomes(c turn.Count) map[string]turn.Traffic {
	return map[string]turn.Traffic{
		"relayed": c.Out, "no-permission": c.NoPermission, "no-channel": c.NoChannel, "peer-refused": c.Refused,
		"malformed": c.Malformed, "too-long": c.TooLong, "over-rate": c.OverRate, "undelivered": c.Undelivered,
	}
}
