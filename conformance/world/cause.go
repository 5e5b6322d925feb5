package world

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/proxyspec/proxyspec/conformance/timeline"
	"github.com/proxyspec/proxyspec/sim/firewall"
)

// stopped is the packets that a rule of the firewall kept from one place.
type stopped struct {
	first timeline.Event
	why   string // where rules by name had to do with it
	count int
	step  timeline.Event // in which the last of them was
}

// stopsNamed bounds how many a failure names: beyond them nobody reads on.
const stopsNamed = 6

// Cause says in words what the firewall stopped and what else the scenario took away, for whoever reads a failure:
// most failures are there. What was stopped in the step that failed comes first. What was stopped before may
// be why, or may be what the scenario was set up to do: it comes last, with the step it belongs to.
func (w *World) Cause() string {
	events := w.Timeline.Events()
	if w.closed > 0 {
		events = events[:w.closed]
	}
	stops, last := stopsIn(events)
	shown := stops[:min(len(stops), stopsNamed)]
	earlier := len(shown)
	if i := slices.IndexFunc(shown, func(s *stopped) bool { return s.step.Seq != last.Seq }); i >= 0 {
		earlier = i
	}
	var parts []string
	for _, s := range shown[:earlier] {
		parts = append(parts, w.stopSentence(s))
	}
	for _, e := range events {
		if e.Kind == timeline.KindWorld && (e.Name == EventStopped || e.Name == EventCut) {
			parts = append(parts, fmt.Sprintf("%s was %s by the scenario", e.Detail, e.Name))
		}
	}
	if missing := w.MissingRows(); len(missing) > 0 {
		parts = append(parts, "the policy doesn't let through row "+strings.Join(missing, ", "))
	}
	switch { // which is worth a word where the firewall is what one would look at first
	case earlier > 0:
	case len(stops) > 0:
		parts = append(parts, "the firewall stopped no packet in this step")
	case len(parts) == 0:
		parts = append(parts, "not the firewall: it stopped no packet")
	default:
		parts = append(parts, "the firewall stopped no packet")
	}
	for i, s := range shown[earlier:] {
		text := w.stopSentence(s)
		if i == 0 || s.step.Seq != shown[earlier+i-1].step.Seq {
			text = fmt.Sprintf("earlier, in %q: %s", s.step.Detail, text)
		}
		parts = append(parts, text)
	}
	switch more := len(stops) - len(shown); {
	case more == 1:
		parts = append(parts, "and 1 other destination")
	case more > 1:
		parts = append(parts, fmt.Sprintf("and %d other destinations", more))
	}
	return strings.Join(parts, "; ")
}

// stopsIn is what the firewall stopped, the latest step first, and the step that was last.
func stopsIn(events []timeline.Event) (stops []*stopped, step timeline.Event) {
	type key struct {
		proto string
		to    netip.AddrPort
		rule  string
	}
	known := map[key]*stopped{}
	for _, e := range events {
		if e.Kind == timeline.KindStep {
			step = e
		}
		if e.Kind != timeline.KindPacket || e.Verdict == "" || e.Verdict == firewall.Allow.String() {
			continue
		}
		k := key{e.Proto, e.To, e.Rule}
		s := known[k]
		if s == nil {
			s = &stopped{first: e}
			known[k] = s
			stops = append(stops, s)
		}
		if e.Code != "" && s.why == "" {
			s.why = ": " + e.Detail
		}
		s.count++
		s.step = step
	}
	slices.SortStableFunc(stops, func(a, b *stopped) int { return cmp.Compare(b.step.Seq, a.step.Seq) })
	return stops, step
}

func (w *World) stopSentence(s *stopped) string {
	packets := "1 packet"
	if s.count > 1 {
		packets = fmt.Sprintf("%d packets", s.count)
	}
	e := s.first
	return fmt.Sprintf("%s to %s from %s stopped by rule %q (%s)%s", e.Proto, w.called(e.To), w.called(e.From), e.Rule, packets, s.why)
}

// called is an address, and before it whose it is, if somebody's.
func (w *World) called(a netip.AddrPort) string {
	return strings.TrimSpace(w.names[a.Addr()] + " " + a.String())
}
