// Package trace tells whether two runs of a network were the same, and if not, which packet was the first that
// differed.
//
// Tap the nodes that matter with [Trace.See] of a new [Trace], in the same order in each run, and compare: [Trace.Hash]
// for a glance, [Diff] for the place. A trace holds what a seed decides: when a packet was seen, where, from whom to
// whom, its kind, its length and its verdict. It holds no payload, because encryption is random on purpose.
//
// A trace belongs to the goroutine of the packet loop until the network has ended.
package trace

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"net/netip"
	"strings"
	"time"

	"github.com/proxyspec/proxyspec/sim"
	"github.com/proxyspec/proxyspec/sim/firewall"
	"github.com/proxyspec/proxyspec/sim/tcp"
)

// Trace is what the nodes of a network saw.
type Trace struct{ seen []sighting }

// sighting is what a trace keeps of one.
type sighting struct {
	at       time.Duration
	node     string
	out      bool
	proto    firewall.Proto
	src, dst netip.AddrPort
	length   int
	flags    tcp.Flags
	seq, ack uint32
	damaged  bool
	verdict  firewall.Verdict
}

// See is a tap.
func (t *Trace) See(s sim.Sighting) {
	p := s.Packet
	t.seen = append(t.seen, sighting{
		s.At, s.Node, s.Out, p.Proto, p.Src, p.Dst, p.Length(), p.TCP.Flags, p.TCP.Seq, p.TCP.Ack, p.Damaged(), s.Verdict,
	})
}

// Len is how many packets were seen.
func (t *Trace) Len() int { return len(t.seen) }

// Hash is the same for the same trace.
func (t *Trace) Hash() string {
	h := fnv.New128a()
	for _, s := range t.seen {
		_ = binary.Write(h, binary.BigEndian, int64(s.at))
		_, _ = fmt.Fprintln(h, s.node, s.out, s.proto, s.src, s.dst, s.length, s.flags, s.seq, s.ack, s.damaged, s.verdict)
	}
	return fmt.Sprintf("%x", h.Sum(nil))
}

// Diff is empty for equal traces. Otherwise it shows the first packet that differs, and the few before it.
func Diff(a, b *Trace) string {
	n := min(len(a.seen), len(b.seen))
	i := 0
	for i < n && a.seen[i] == b.seen[i] {
		i++
	}
	if i == len(a.seen) && i == len(b.seen) {
		return ""
	}
	var text strings.Builder
	fmt.Fprintf(&text, "the traces differ from packet %d on\n", i+1)
	const context = 3
	for j := max(0, i-context); j < i; j++ {
		fmt.Fprintf(&text, "  both   %v\n", a.seen[j])
	}
	for name, t := range ordered(a, b) {
		if i < len(t.seen) {
			fmt.Fprintf(&text, "  %s  %v\n", name, t.seen[i])
		} else {
			fmt.Fprintf(&text, "  %s  ends after %d packets\n", name, len(t.seen))
		}
	}
	return text.String()
}

func ordered(a, b *Trace) func(func(string, *Trace) bool) {
	return func(yield func(string, *Trace) bool) {
		_ = yield("first", a) && yield("other", b)
	}
}

func (s sighting) String() string {
	way := "in "
	if s.out {
		way = "out"
	}
	text := fmt.Sprintf("%v %s %s %v %v > %v, %d bytes", s.at, s.node, way, s.proto, s.src, s.dst, s.length)
	if s.proto == firewall.TCP {
		text += fmt.Sprintf(" %v seq %d ack %d", s.flags, s.seq, s.ack)
	}
	if s.damaged {
		text += ", damaged"
	}
	if s.verdict.Rule != "" {
		text += fmt.Sprintf(", %v by rule %s", s.verdict.Action, s.verdict.Rule)
	}
	return text
}
