package tcp

import (
	"bytes"
	"encoding/binary"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// FuzzArrive shows one end arbitrary segments, and calls that its application may make between them. Each
// step is twelve bytes: what to do, and with what. Whatever the peer does, what is read is what stood at
// its place in the sequence space, and memory and work stay bounded.
func FuzzArrive(f *testing.F) {
	for _, steps := range [][]byte{
		{},
		step(opArrive, SYN|ACK, 0, 1, 65535, 0),
		joined(step(opArrive, SYN|ACK, 0, 1, 65535, 0), step(opArrive, ACK, 1, 1, 65535, 100), step(opRead, 0, 0, 0, 0, 200)),
		joined(step(opArrive, SYN|ACK, 0, 1, 100, 0), step(opWrite, 0, 0, 0, 0, 5000), step(opArrive, ACK, 1, 101, 0, 0),
			step(opWait, 0, 0, 0, 60000, 0), step(opArrive, ACK, 1, 101, 9000, 0)),
		joined(step(opArrive, SYN, 0, 0, 65535, 0), step(opArrive, SYN|ACK, 0, 1, 65535, 0), step(opClose, 0, 0, 0, 0, 0),
			step(opArrive, FIN|ACK, 1, 2, 65535, 0), step(opWait, 0, 0, 0, 65535, 0)),
		joined(step(opArrive, SYN|ACK, 0, 1, 65535, 0), step(opArrive, FIN|ACK, 101, 1, 65535, 50), step(opArrive, ACK, 51, 1, 65535, 100),
			step(opArrive, ACK, 1, 1, 65535, 60), step(opArrive, RST, 152, 0, 0, 0)),
	} {
		f.Add(false, steps)
		f.Add(true, steps)
	}
	f.Fuzz(func(t *testing.T, passive bool, steps []byte) {
		a := newAttack(t, passive)
		for ; len(steps) >= stepSize; steps = steps[stepSize:] {
			a.step(steps[:stepSize])
			a.check()
		}
		a.finish()
	})
}

const stepSize = 12

const (
	opArrive = iota
	opRead
	opWrite
	opWait
	opClose
	opCloseWrite
	opCloseRead
	opAbort
	opShrink
	opBuffer
	ops
)

func step(op byte, flags Flags, seq, ack int16, win, n uint16) []byte {
	b := []byte{op, byte(flags)}
	b = binary.BigEndian.AppendUint16(b, uint16(seq))
	b = binary.BigEndian.AppendUint16(b, uint16(ack))
	b = binary.BigEndian.AppendUint16(b, win)
	b = binary.BigEndian.AppendUint16(b, n)
	return append(b, 0, 0)
}

func joined(steps ...[]byte) []byte { return bytes.Join(steps, nil) }

// attack is a conversation with a peer who may do anything.
type attack struct {
	t       *testing.T
	now     time.Duration
	conn    *Conn
	written int
	taken   int
	sent    int // segments by one call of Output
}

func newAttack(t *testing.T, passive bool) *attack {
	c := Config{ISS: ourISS, ReceiveBuffer: 20_000}
	a := &attack{t: t, conn: Open(c)}
	if passive {
		a.conn = Accept(c, &Segment{Flags: SYN, Seq: theirISS, Window: 500, MSS: 100, Scale: 3, SACKPermitted: true})
	}
	a.pump()
	return a
}

func (a *attack) step(b []byte) {
	flags, n := Flags(b[1]), int(binary.BigEndian.Uint16(b[8:]))
	win := binary.BigEndian.Uint16(b[6:])
	switch b[0] % ops {
	case opArrive:
		seq := int16(binary.BigEndian.Uint16(b[2:]))
		place := int(seq) - 1
		if flags&SYN != 0 {
			place++
		}
		seg := Segment{
			Flags: flags, Seq: theirISS + uint32(int32(seq)), Ack: ourISS + uint32(int32(int16(binary.BigEndian.Uint16(b[4:])))),
			Window: win, MSS: uint16(b[10]) * 8, Scale: int8(b[11]%16) - 1, Payload: bytesAt(place, n%2000),
			SACKPermitted: b[11]&1 == 1,
		}
		for i := range b[11] >> 6 { // up to three ranges, anywhere
			from := seg.Ack + uint32(int32(int8(b[10])))*uint32(i+1)*16
			seg.SACK = append(seg.SACK, Range{from, from + uint32(b[11])})
		}
		begins := a.conn.State() == SynSent
		a.conn.Arrive(a.now, &seg)
		if begins && a.conn.State() != SynSent {
			a.taken = place // where a stream begins is its sender's choice
		}
	case opRead:
		buf := make([]byte, n)
		n, _ := a.conn.Read(buf)
		require.Equal(a.t, bytesAt(a.taken, n), buf[:n], "what is read was sent, at its place")
		a.taken += n
	case opWrite:
		if a.written < 1<<20 {
			n, _ := a.conn.Write(bytesAt(a.written, n))
			a.written += n
		}
	case opWait:
		a.wait(time.Duration(win) * time.Millisecond)
	case opClose:
		a.conn.Close(a.now)
	case opCloseWrite:
		a.conn.CloseWrite()
	case opCloseRead:
		a.conn.CloseRead()
	case opAbort:
		a.conn.Abort()
	case opShrink:
		a.conn.SetMSS(n)
	case opBuffer:
		a.conn.SetReceiveBuffer(n % 20_000)
	}
	a.pump()
}

func (a *attack) pump() {
	a.sent = 0
	a.conn.Output(a.now, func(s Segment) {
		a.sent++
		require.LessOrEqual(a.t, a.sent, 1<<20/leastMSS+3, "output ends")
		if len(s.Payload) > 0 {
			require.Equal(a.t, bytesAt(int(int32(s.Seq-ourISS-1)), len(s.Payload)), s.Payload, "what is sent was written, at its place")
		}
	})
	again := 0
	a.conn.Output(a.now, func(Segment) { again++ })
	require.Zero(a.t, again, "once it has been sent there is nothing to send")
}

func (a *attack) wait(d time.Duration) {
	end := a.now + d
	for range 100_000 {
		at, ok := a.conn.Deadline()
		if !ok || at > end {
			a.now = end
			return
		}
		a.now = max(at, a.now)
		a.conn.Tick(a.now)
		a.pump()
		a.check()
	}
	a.t.Fatal("timers without end")
}

// check holds the connection against what must be true always.
func (a *attack) check() {
	c := a.conn
	require.False(a.t, before(c.nxt, c.una) || before(c.max, c.nxt), "una %d, nxt %d, max %d", c.una, c.nxt, c.max)
	require.LessOrEqual(a.t, c.in.len(), 20_000+1)
	require.LessOrEqual(a.t, len(c.early), mostEarly)
	require.LessOrEqual(a.t, len(c.scoreboard), mostScores)
	for i, r := range c.scoreboard {
		require.True(a.t, before(r.From, r.To) && !before(r.From, c.una) && !before(c.max, r.To), "of what is under way")
		require.True(a.t, i == 0 || before(c.scoreboard[i-1].To, r.From), "sorted, without touching")
	}
	held := 0
	for i, s := range c.early {
		held += len(s.payload)
		require.NotEmpty(a.t, s.payload)
		require.True(a.t, i == 0 || !before(s.seq, c.early[i-1].end()), "sorted, without overlaps")
	}
	require.LessOrEqual(a.t, held, 20_000)
	require.LessOrEqual(a.t, int32(c.edge-c.nextSeq), int32(20_000), "no more is promised than there is room for")
}

// finish: if the peer falls silent, the connection of an application that closes it ends.
func (a *attack) finish() {
	a.conn.Close(a.now)
	a.pump()
	a.wait(3 * time.Hour)
	require.Equal(a.t, Closed, a.conn.State())
}

// FuzzTransfer moves data both ways over a path that loses, doubles and delays the first segments as it is
// told, and then none: all arrives, as it was sent. It never loses so many that an end may give up.
func FuzzTransfer(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte{1, 1, 1, 0, 0, 1, 2, 3, 4, 5, 6, 7})
	f.Add(bytes.Repeat([]byte{1, 0, 3}, 40))
	f.Add(bytes.Repeat([]byte{0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, 40))
	f.Fuzz(func(t *testing.T, fate []byte) {
		fate = fate[:min(len(fate), 2000)]
		w := &wire{t: t, delay: 10 * time.Millisecond, ends: [2]*Conn{Open(Config{ISS: 1<<32 - 5000, ReceiveBuffer: 20_000}), nil}}
		var patience patience
		w.drop = func(from int, s *Segment) bool {
			if len(fate) == 0 || patience.atEnd(w.ends) {
				return false
			}
			b := fate[0]
			fate = fate[1:]
			if b&3 == 1 || b&3 == 2 {
				patience.spend()
			}
			late := flying{w.now + w.delay + time.Duration(b>>2)*5*time.Millisecond, 1 - from, *s}
			switch b & 3 {
			case 2: // overtaken
				w.air = append(w.air, late)
				return true
			case 3: // doubled
				w.air = append(w.air, late)
				return false
			}
			return b&3 == 1
		}
		w.run("connect", func() bool {
			return w.ends[1] != nil && w.ends[1].Connected() && w.ends[0].Connected()
		})
		there, back := bytesAt(0, 60_000), bytesAt(7, 30_000)
		_, err := w.ends[1].Write(back)
		require.NoError(t, err)
		var came []byte
		buf := make([]byte, 3000)
		got := w.transferWhile(0, there, func() {
			n, _ := w.ends[0].Read(buf)
			came = append(came, buf[:n]...)
		})
		require.True(t, bytes.Equal(there, got))
		w.run("the other direction", func() bool {
			for n := 1; n > 0; came = append(came, buf[:n]...) {
				n, _ = w.ends[0].Read(buf)
			}
			return len(came) == len(back)
		})
		require.True(t, bytes.Equal(back, came))
	})
}

// patience counts, for each end, the segments of both that were lost since it last heard news.
type patience struct {
	lost [2]int
	una  [2]uint32
}

func (p *patience) atEnd(ends [2]*Conn) bool {
	for i, c := range ends {
		if c == nil || c.una != p.una[i] || c.una == c.max && c.out.len() == 0 {
			p.lost[i] = 0
		}
		if c != nil {
			p.una[i] = c.una
		}
	}
	return max(p.lost[0], p.lost[1]) >= synRetries
}

func (p *patience) spend() {
	p.lost[0]++
	p.lost[1]++
}
