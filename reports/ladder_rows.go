package reports

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/proxyspec/proxyspec/conformance/timeline"
)

// flow is what packets share that one arrow stands for.
type flow struct {
	from, to netip.Addr
	port     uint16
	proto    string
	flags    string // for TCP's SYN and RST, which are worth an arrow of their own
	verdict  string
	rule     string
	actor    string
}

// row is a rung that may still grow.
type row struct {
	rung
	packets int
	length  int
	port    uint16
	first   *timeline.Event
}

// add makes an event a row, or part of one.
func (b *ladderBuilder) add(e *timeline.Event) {
	from, to, at := b.laneOf(e.From), b.laneOf(e.To), b.lane(e.Actor)
	if e.Kind == timeline.KindPacket && from >= 0 && to >= 0 {
		b.packet(e, from, to)
		return
	}
	b.open = nil
	if e.Kind == timeline.KindResult && b.answer(e) {
		return
	}
	r := b.row(e, rung{Shape: mark, Class: "log", Label: e.Name, From: at, Via: -1})
	switch e.Kind {
	case timeline.KindStep:
		r.Shape, r.Class, r.Label = band, "step", cmp.Or(e.Detail, e.Name)
	case timeline.KindWorld:
		r.Shape, r.Class, r.Label = band, "world", note(e.Name, e.Detail)
	case timeline.KindCall:
		r.Class, r.Label = "call", e.Name+"()"
	case timeline.KindResult:
		r.Class, r.Label = "call", outcomeOf(e)
	case timeline.KindNotice:
		r.Label = note(e.Name, cmp.Or(e.User, e.Detail))
	default:
		b.log(r, e, from, to, at)
		r.Label = note(r.Label, e.Code)
	}
	if e.Code != "" {
		r.Class = "error"
	}
	if r.Shape == mark && at < 0 { // nobody whom we can show
		r.Shape, r.Label = band, note(e.Actor, r.Label)
	}
}

// answer puts a result into the row of its call, if nothing happened in between: most calls return at once.
func (b *ladderBuilder) answer(e *timeline.Event) bool {
	if len(b.rows) == 0 {
		return false
	}
	r := b.rows[len(b.rows)-1]
	if c := r.first; c.Kind != timeline.KindCall || c.Actor != e.Actor || c.Name != e.Name || c.Call != e.Call {
		return false
	}
	r.Label = outcomeOf(e)
	r.Title += "; " + b.title(e)
	if e.Code != "" {
		r.Class = "error"
	}
	return true
}

func outcomeOf(e *timeline.Event) string {
	return e.Name + "() " + cmp.Or(e.Code, "returned")
}

// log draws an event of the cloud proxy or of SD-RTN: as an arrow, where it says between whom.
func (b *ladderBuilder) log(r *row, e *timeline.Event, from, to, at int) {
	if to < 0 {
		to = at // SD-RTN's log names the other end only
	}
	if backwards(e.Name) {
		from, to = to, from
	}
	if from < 0 || to < 0 || from == to {
		return
	}
	r.Phase = b.phaseOfLog(e, from, to)
	r.Shape, r.From, r.To = arrow, from, to
	if e.User != "" && e.Kind == timeline.KindSDRTN {
		r.Label += " " + e.User
	}
}

// backwards says whether a log entry tells of something that goes to the client. The logs name the client
// as the source in either case, because the connection is its.
func backwards(name string) bool {
	for _, end := range []string{"answered", "refused", "opened", "created", ".down", ".out"} {
		if strings.HasSuffix(name, end) {
			return true
		}
	}
	return false
}

// phaseOfLog is the step of the flow that an entry of the cloud proxy's or SD-RTN's log shows.
func (b *ladderBuilder) phaseOfLog(e *timeline.Event, from, to int) int {
	f, t := b.heads[from].place, b.heads[to].place
	switch {
	case f == edge:
		b.answered = true
		return 2
	case t == edge:
		return 1
	case f == gateway && t == relay, strings.HasSuffix(e.Name, ".down"):
		b.returned = true
		return 4
	case t == gateway && f == relay, strings.HasSuffix(e.Name, ".up"):
		return 3
	}
	return 0
}

// packet adds a packet to the arrow of its kind, or begins one.
func (b *ladderBuilder) packet(e *timeline.Event, from, to int) {
	key := flow{
		from: e.From.Addr(), to: e.To.Addr(), port: b.port(e, from, to),
		proto: e.Proto, verdict: e.Verdict, rule: e.Rule, actor: e.Actor,
	}
	if strings.Contains(e.Flags, "SYN") || strings.Contains(e.Flags, "RST") {
		key.flags = e.Flags
	}
	if b.open == nil {
		b.open = make(map[flow]*row)
	}
	r := b.open[key]
	if r == nil {
		r = b.row(e, rung{
			From: from, To: to, Via: b.lane(e.Actor), Shape: arrow, Class: cmp.Or(e.Verdict, "log"),
			Phase: b.phaseOfPacket(from, to),
		})
		if r.Via == from || r.Via == to {
			r.Via = -1
		}
		if e.Verdict == "drop" || e.Verdict == "reject" {
			r.Shape = denied
		}
		b.open[key] = r
	}
	r.port = key.port
	r.packets += max(1, e.Count)
	r.length += e.Length
}

// port is the one that says what a packet is for: the server's, and between two servers that of the one
// which is farther from the client.
func (b *ladderBuilder) port(e *timeline.Event, from, to int) uint16 {
	serves := func(lane int) int {
		return slices.Index([]place{edge, relay, gateway}, b.heads[lane].place)
	}
	if serves(from) > serves(to) {
		return e.From.Port()
	}
	return e.To.Port()
}

// phaseOfPacket tells the step of the flow from the direction, and from what has happened: the TCP
// handshake that comes back from an edge before its answer is not yet step 2.
func (b *ladderBuilder) phaseOfPacket(from, to int) int {
	f, t := b.heads[from].place, b.heads[to].place
	switch {
	case f == client && t == edge:
		return 1
	case f == edge && t == client && b.answered:
		return 2
	case f == client && t == relay, f == relay && t == gateway:
		return 3
	case f == gateway && t == relay, f == relay && t == client && b.returned:
		return 4
	}
	return 0
}

func (b *ladderBuilder) row(e *timeline.Event, r rung) *row {
	r.At, r.Title = e.At, b.title(e)
	full := &row{rung: r, first: e}
	b.rows = append(b.rows, full)
	return full
}

// title says an event in words, with its number and time.
func (b *ladderBuilder) title(e *timeline.Event) string {
	return "#" + strconv.Itoa(e.Seq) + " at " + clock(e.At) + " s: " + b.hosts.sentence(e)
}

// finish writes the label of an arrow once all its packets are known.
func (r *row) finish(h hosts) {
	if r.packets == 0 {
		return
	}
	e := r.first
	label := e.Proto
	if r.port != 0 {
		label += " " + strconv.Itoa(int(r.port))
	}
	if strings.Contains(e.Flags, "SYN") || strings.Contains(e.Flags, "RST") {
		label += " " + e.Flags
	}
	if r.packets > 1 {
		label += fmt.Sprintf(" × %d", r.packets)
		r.Title += fmt.Sprintf("; %d packets like it, %s in all", r.packets, size(r.length))
	}
	if r.Shape == denied {
		label += ", to " + h.name(e.To.Addr()) + ": " + ruling(e)
	}
	r.Label = label
}
