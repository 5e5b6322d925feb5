package world

import (
	"net/netip"
	"slices"
	"time"

	"github.com/proxyspec/proxyspec/conformance/timeline"
	"github.com/proxyspec/proxyspec/sim"
	"github.com/proxyspec/proxyspec/sim/capture"
	"github.com/proxyspec/proxyspec/sim/firewall"
)

// recorder keeps the packets that the world saw: in the capture, in the timeline, and in sums. Only the
// network's loop writes to it; others read it once the network has ended.
type recorder struct {
	file    blocks
	capture *capture.Capture // nil: nobody keeps one
	paths   map[path]*tally
	heard   map[hearing]bool
	heads   []byte // the first bytes of packets, for those who look at them one by one
	head    []part // of those, by the number of the packet's event
	wire    []byte // of the packet at hand
}

// part is a piece of something longer: from where to where.
type part struct{ from, to int32 }

// Of a packet so many bytes are kept for the timeline, of all packets together so many.
const (
	longestHead = 160
	allHeads    = 16 << 20
)

// headOf is the first bytes of the packet of an event; nil if there are none.
func (r *recorder) headOf(seq int) []byte {
	if seq >= len(r.head) || r.head[seq] == (part{}) {
		return nil
	}
	return r.heads[r.head[seq].from:r.head[seq].to]
}

func (r *recorder) keepHead(seq int, wire []byte) {
	wire = wire[:min(len(wire), longestHead)]
	if seq == 0 || len(wire) == 0 || len(r.heads)+len(wire) > allHeads {
		return
	}
	r.head = append(r.head, make([]part, seq+1-len(r.head))...)
	if len(r.heads)+len(wire) > cap(r.heads) { // append would grow it by a quarter only
		r.heads = slices.Grow(r.heads, max(len(r.heads), 64<<10))
	}
	r.head[seq].from = int32(len(r.heads))
	r.heads = append(r.heads, wire...)
	r.head[seq].to = int32(len(r.heads))
}

// path is a direction between two hosts through the firewall.
type path struct {
	from, to netip.Addr
	proto    firewall.Proto
	port     uint16 // the server's
}

type tally struct{ packets, bytes, dropped int }

// hearing is a source from which a gateway has heard already.
type hearing struct {
	gateway string
	proto   firewall.Proto
	from    netip.AddrPort
	port    uint16
}

// The capture's two sides.
const (
	sideOffice = iota
	sideInternet
)

func newRecorder() *recorder {
	return &recorder{paths: map[path]*tally{}, heard: map[hearing]bool{}}
}

// Unrecorded keeps what is seen and done from now on out of the timeline and the capture, for steps that make
// thousands of calls and judge each by its reply.
func (w *World) Unrecorded() { w.unrecorded.Store(true) }

// record puts an event into the timeline.
func (w *World) record(e timeline.Event) timeline.Event {
	if w.unrecorded.Load() {
		return e
	}
	return w.Timeline.Add(e)
}

// seeAtWall records a packet at the firewall: with the verdict where it arrives, on both sides.
func (w *World) seeAtWall(s sim.Sighting) {
	now := w.Timeline.Start().Add(s.At)
	if !s.Judged && !s.Out {
		if err := w.office.hear(now, s.Packet); err != nil {
			w.fault(err)
		}
	}
	if !s.Judged && !s.Out || w.unrecorded.Load() {
		return // between two hosts of the office, or nobody wants to know
	}
	wire, err := w.recorder.record(now, s)
	if err != nil {
		w.fault(err)
	}
	if s.Out {
		return
	}
	w.recorder.count(s)
	var code, why string
	if s.Verdict.Action != firewall.Allow {
		code, why = w.office.why(now, s.Packet, s.Verdict)
	}
	event := w.record(timeline.Event{
		Kind: timeline.KindPacket, Actor: wallPlace.Name, Name: "packet", Proto: s.Packet.Proto.String(),
		From: s.Packet.Src, To: s.Packet.Dst, Length: s.Packet.Length(), Flags: flagsOf(s.Packet),
		Verdict: s.Verdict.Action.String(), Rule: s.Verdict.Rule, Purpose: carries(s.Packet),
		Code: code, Detail: why,
	})
	w.recorder.keepHead(event.Seq, wire)
}

// record adds a packet to the capture, if there is one, and returns it as it was captured.
func (r *recorder) record(now time.Time, s sim.Sighting) (wire []byte, err error) {
	if r.capture == nil {
		return nil, nil
	}
	if wire, err = s.Packet.Append(r.wire[:0]); err != nil {
		return nil, err
	}
	r.wire = wire
	side := sideInternet
	if s.Inside {
		side = sideOffice
	}
	comment := ""
	if s.Judged {
		comment = verdict(s.Verdict)
	}
	r.file.keep = s.Judged && s.Verdict.Action != firewall.Allow
	return wire, r.capture.Add(side, now, capture.Bytes(wire), comment)
}

// verdict is what the firewall said, for the comment of a captured packet.
func verdict(v firewall.Verdict) string {
	text := v.Action.String() + " by rule " + v.Rule
	if v.Opened != "" && v.Opened != v.Rule {
		text += ", opened by " + v.Opened
	}
	return text
}

func flagsOf(p *sim.Packet) string {
	if p.Proto != firewall.TCP {
		return ""
	}
	return p.TCP.Flags.String()
}

// count adds a packet to its path. The server's port is the lower of the two: clients use dynamic ones.
func (r *recorder) count(s sim.Sighting) {
	p := s.Packet
	key := path{p.Src.Addr(), p.Dst.Addr(), p.Proto, min(p.Src.Port(), p.Dst.Port())}
	t := r.paths[key]
	if t == nil {
		t = &tally{}
		r.paths[key] = t
	}
	t.packets++
	t.bytes += p.Length()
	if s.Verdict.Action != firewall.Allow {
		t.dropped++
	}
}

// seeAtGateway records the first packet that a gateway hears from each source.
func (w *World) seeAtGateway(s sim.Sighting) {
	if s.Out || w.unrecorded.Load() {
		return
	}
	key := hearing{s.Node, s.Packet.Proto, s.Packet.Src, s.Packet.Dst.Port()}
	if w.recorder.heard[key] {
		return
	}
	w.recorder.heard[key] = true
	w.record(timeline.Event{
		Kind: timeline.KindPacket, Actor: s.Node, Name: "heard", Proto: s.Packet.Proto.String(),
		From: s.Packet.Src, To: s.Packet.Dst, Length: s.Packet.Length(), Flags: flagsOf(s.Packet),
		Detail: "the first packet from this source",
	})
}
