package timeline

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/netip"
	"strconv"
	"time"
)

// Sign is what must be the same of a packet whenever its seed is run again. Payloads aren't in it: they are
// encrypted with fresh keys.
type Sign struct {
	At       time.Duration
	Proto    string
	From, To netip.AddrPort
	Length   int
	Flags    string
	Verdict  string
	Rule     string
}

// String is a packet in a line of words.
func (s Sign) String() string {
	text := fmt.Sprintf("%v %s %v > %v, %d bytes", s.At, s.Proto, s.From, s.To, s.Length)
	for _, more := range []string{s.Flags, s.Verdict, s.Rule} {
		if more != "" {
			text += ", " + more
		}
	}
	return text
}

// Trace is the signs of all packets among some events, in their order.
func Trace(events []Event) []Sign {
	packets := 0
	for i := range events {
		if events[i].Kind == KindPacket {
			packets++
		}
	}
	if packets == 0 {
		return nil
	}
	trace := make([]Sign, 0, packets)
	for i := range events {
		if e := &events[i]; e.Kind == KindPacket {
			trace = append(trace, Sign{e.At, e.Proto, e.From, e.To, e.Length, e.Flags, e.Verdict, e.Rule})
		}
	}
	return trace
}

// Digest identifies a trace: "sha256:" and the sum over its packets. A trace without packets has none.
func Digest(trace []Sign) string {
	if len(trace) == 0 {
		return ""
	}
	sum := sha256.New()
	var line []byte
	for _, s := range trace {
		line = append(strconv.AppendInt(line[:0], int64(s.At), 10), ' ')
		line = append(append(line, s.Proto...), ' ')
		line = append(s.From.AppendTo(line), ' ')
		line = append(s.To.AppendTo(line), ' ')
		line = strconv.AppendInt(line, int64(s.Length), 10)
		for _, text := range []string{s.Flags, s.Verdict, s.Rule} {
			line = append(append(line, ' '), text...)
		}
		sum.Write(append(line, '\n'))
	}
	return "sha256:" + hex.EncodeToString(sum.Sum(nil))
}
