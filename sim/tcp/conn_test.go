package tcp

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// wire is two ends and the segments between them, under a clock that the test moves.
type wire struct {
	t     *testing.T
	now   time.Duration
	ends  [2]*Conn
	air   []flying
	delay time.Duration
	drop  func(from int, s *Segment) bool // nil: nothing is lost
	log   []string
}

type flying struct {
	at  time.Duration
	to  int
	seg Segment
}

func (w *wire) pump() {
	for i, c := range w.ends {
		if c == nil {
			continue
		}
		c.Output(w.now, func(s Segment) {
			w.log = append(w.log, fmt.Sprintf("%d %v", i, s.Flags))
			if w.drop != nil && w.drop(i, &s) {
				return
			}
			w.air = append(w.air, flying{w.now + w.delay, 1 - i, s})
		})
	}
}

// step moves the clock to whatever happens next; false: nothing will.
func (w *wire) step() bool {
	w.pump()
	next, found := time.Duration(0), false
	earlier := func(at time.Duration) {
		if !found || at < next {
			next, found = at, true
		}
	}
	for _, f := range w.air {
		earlier(f.at)
	}
	for _, c := range w.ends {
		if c != nil {
			if at, ok := c.Deadline(); ok {
				earlier(at)
			}
		}
	}
	if !found {
		return false
	}
	w.now = max(w.now, next)
	for i := 0; i < len(w.air); i++ {
		if f := w.air[i]; f.at <= w.now {
			w.air = append(w.air[:i], w.air[i+1:]...)
			i--
			w.arrive(f)
			w.pump()
		}
	}
	for _, c := range w.ends {
		if c != nil {
			c.Tick(w.now)
		}
	}
	w.pump()
	return true
}

func (w *wire) arrive(f flying) {
	if w.ends[f.to] == nil && f.seg.Flags&SYN != 0 {
		w.ends[f.to] = Accept(Config{ISS: 1<<32 - 3}, &f.seg) // sequence numbers wrap at once
		return
	}
	if c := w.ends[f.to]; c != nil {
		c.Arrive(w.now, &f.seg)
	}
}

// run steps until the condition holds.
func (w *wire) run(what string, until func() bool) {
	w.t.Helper()
	for range 1_000_000 {
		if until() {
			return
		}
		if !w.step() {
			break
		}
	}
	require.True(w.t, until(), "%s; states %v and %v at %v", what, w.ends[0].State(), w.ends[1], w.now)
}

func connect(t *testing.T, cfg Config) *wire {
	w := &wire{t: t, delay: 10 * time.Millisecond, ends: [2]*Conn{Open(cfg), nil}}
	w.run("handshake", func() bool {
		return w.ends[1] != nil && w.ends[1].State() == Established && w.ends[0].State() == Established
	})
	return w
}

// transfer writes data at one end and reads all of it at the other.
func (w *wire) transfer(from int, data []byte) []byte { return w.transferWhile(from, data, func() {}) }

func (w *wire) transferWhile(from int, data []byte, meanwhile func()) []byte {
	var got []byte
	rest := data
	buf := make([]byte, 5000)
	w.run("transfer", func() bool {
		meanwhile()
		if len(rest) > 0 {
			n, err := w.ends[from].Write(rest)
			require.NoError(w.t, err)
			rest = rest[n:]
		}
		for {
			n, err := w.ends[1-from].Read(buf)
			require.NoError(w.t, err)
			if n == 0 {
				return len(got) == len(data)
			}
			got = append(got, buf[:n]...)
		}
	})
	return got
}

func pattern(n int) []byte {
	r := rand.New(rand.NewPCG(1, 2))
	p := make([]byte, n)
	for i := range p {
		p[i] = byte(r.Uint32())
	}
	return p
}

// RFC 9293, 3.5 and 3.6: the handshake, and the close from either side first.
func TestHandshakeAndClose(t *testing.T) {
	for first := range 2 {
		w := connect(t, Config{ISS: 7})
		require.Equal(t, []string{"0 SYN", "1 SYN ACK", "0 ACK"}, w.log)
		w.ends[first].Close(w.now)
		w.run("half-closed", func() bool { return w.ends[first].State() == FinWait2 && w.ends[1-first].State() == CloseWait })
		_, err := w.ends[1-first].Read(make([]byte, 1))
		require.ErrorIs(t, err, io.EOF)
		w.ends[1-first].Close(w.now)
		w.run("closed", func() bool { return w.ends[first].State() == TimeWait && w.ends[1-first].State() == Closed })
		since := w.now - w.delay // its last acknowledgement is under way for so long
		w.run("TIME-WAIT is over", func() bool { return w.ends[first].State() == Closed })
		require.Equal(t, timeWait, w.now-since)
		require.NoError(t, w.ends[first].Err())
		require.NoError(t, w.ends[1-first].Err())
	}
}

// RFC 9293, 3.6: both close at once.
func TestSimultaneousClose(t *testing.T) {
	w := connect(t, Config{})
	w.ends[0].Close(w.now)
	w.ends[1].Close(w.now)
	w.run("both wait", func() bool { return w.ends[0].State() == TimeWait && w.ends[1].State() == TimeWait })
}

// RFC 6191: only a SYN beyond all that was used takes the place of a connection, and only of one that is over.
func TestReusable(t *testing.T) {
	w := connect(t, Config{})
	beyond := func(flags Flags) *Segment { return &Segment{Flags: flags, Seq: w.ends[0].nextSeq + 1000} }
	require.False(t, w.ends[0].Reusable(beyond(SYN)), "it is alive")
	w.ends[0].Close(w.now)
	w.run("half-closed", func() bool { return w.ends[1].State() == CloseWait })
	w.ends[1].Close(w.now)
	w.run("closed", func() bool { return w.ends[0].State() == TimeWait })
	for _, flags := range []Flags{ACK, SYN | ACK, SYN | RST} {
		require.False(t, w.ends[0].Reusable(beyond(flags)))
	}
	require.False(t, w.ends[0].Reusable(&Segment{Flags: SYN, Seq: w.ends[0].nextSeq}), "an old one, perhaps")
	require.True(t, w.ends[0].Reusable(beyond(SYN)))
}

// What was lost long ago must not look like the future, once more than half of the sequence space has passed.
func TestRecoverKeepsUp(t *testing.T) {
	var g congestion
	at := uint32(0)
	for range 6 {
		at += 1 << 30
		g.forget(at)
		require.False(t, before(at, g.recover))
	}
}

// RFC 9293, 3.10.7.4: of a segment that has come in part, as after a loss with other boundaries, the rest counts.
func TestOverlap(t *testing.T) {
	w := connect(t, Config{})
	require.Equal(t, []byte("hello"), w.transfer(0, []byte("hello")))
	c := w.ends[1]
	again := Segment{Flags: ACK, Seq: c.nextSeq - 5, Ack: c.una, Window: 1000, Scale: NoScale, Payload: []byte("hello world")}
	buf := make([]byte, 20)
	for _, want := range []string{" world", ""} {
		c.Arrive(w.now, &again)
		require.True(t, c.Owes(), "the peer hears where it is")
		n := 0
		if c.Readable() {
			var err error
			n, err = c.Read(buf)
			require.NoError(t, err)
		}
		require.Equal(t, want, string(buf[:n]))
		require.Empty(t, c.early)
		again.Seq = c.nextSeq - uint32(len(again.Payload))
		w.pump()
	}
}

// RFC 9293, 3.5, figure 8: both open at once.
func TestSimultaneousOpen(t *testing.T) {
	w := &wire{t: t, delay: time.Millisecond, ends: [2]*Conn{Open(Config{ISS: 100}), Open(Config{ISS: 300})}}
	w.run("established", func() bool { return w.ends[0].State() == Established && w.ends[1].State() == Established })
	require.Equal(t, []byte("hello"), w.transfer(0, []byte("hello")))
	require.Equal(t, []byte("there"), w.transfer(1, []byte("there")))
}

func TestHalfClose(t *testing.T) {
	w := connect(t, Config{})
	w.ends[0].CloseWrite()
	w.run("the peer has heard", func() bool { return w.ends[1].State() == CloseWait })
	require.Equal(t, pattern(100_000), w.transfer(1, pattern(100_000)), "the other direction goes on")
}

func TestRefusedAndTimedOut(t *testing.T) {
	c := Open(Config{ISS: 9})
	var syn Segment
	c.Output(0, func(s Segment) { syn = s })
	rst, ok := ResetFor(&syn)
	require.True(t, ok)
	c.Arrive(0, &rst)
	require.Equal(t, Closed, c.State())
	require.ErrorIs(t, c.Err(), syscall.ECONNREFUSED)

	w := &wire{t: t, ends: [2]*Conn{Open(Config{}), nil}, drop: func(int, *Segment) bool { return true }}
	w.run("given up", func() bool { return w.ends[0].State() == Closed })
	require.ErrorIs(t, w.ends[0].Err(), syscall.ETIMEDOUT)
	require.Equal(t, 127*time.Second, w.now, "1+2+4+8+16+32+64 s, as Linux")
}

// RFC 2525, 2.17: closing with unread data resets, so that the peer learns of the loss; without, it
// doesn't.
func TestCloseWithUnreadDataResets(t *testing.T) {
	w := connect(t, Config{})
	_, err := w.ends[0].Write([]byte("never read"))
	require.NoError(t, err)
	w.run("arrived", func() bool { return w.ends[1].Readable() })
	w.ends[1].Close(w.now)
	w.run("reset", func() bool { return w.ends[0].State() == Closed })
	require.ErrorIs(t, w.ends[0].Err(), syscall.ECONNRESET)
}

func TestDataAfterCloseResets(t *testing.T) {
	w := connect(t, Config{})
	w.ends[1].Close(w.now)
	w.run("FIN arrived", func() bool { return w.ends[0].State() == CloseWait })
	_, err := w.ends[0].Write([]byte("too late"))
	require.NoError(t, err)
	w.run("reset", func() bool { return w.ends[0].State() == Closed })
	require.ErrorIs(t, w.ends[0].Err(), syscall.EPIPE)
}

// RFC 5961, 3.2: a reset that misses the next sequence number is only asked about.
func TestBlindResetIsChallenged(t *testing.T) {
	w := connect(t, Config{})
	c := w.ends[0]
	c.Arrive(w.now, &Segment{Flags: RST, Seq: c.nextSeq + 1, Scale: NoScale})
	require.Equal(t, Established, c.State())
	require.True(t, c.Owes())
	c.Arrive(w.now, &Segment{Flags: RST, Seq: c.nextSeq, Scale: NoScale})
	require.ErrorIs(t, c.Err(), syscall.ECONNRESET)
}

// RFC 9293, 3.8.6.1: a closed window is probed, for as long as the probes are answered, and opens again.
func TestZeroWindow(t *testing.T) {
	w := connect(t, Config{})
	w.ends[1].SetReceiveBuffer(3000)
	data := pattern(200_000)
	_, err := w.ends[0].Write(data)
	require.NoError(t, err)
	full := w.now + time.Hour
	w.run("an hour of probing", func() bool { return w.now >= full })
	require.Equal(t, Established, w.ends[0].State(), "answered probes keep it alive")
	var got []byte
	buf := make([]byte, 1000)
	w.run("the rest arrives", func() bool {
		n, err := w.ends[1].Read(buf)
		require.NoError(t, err)
		got = append(got, buf[:n]...)
		return len(got) == len(data)
	})
	require.True(t, bytes.Equal(data, got))
}

// RFC 6298: the first timeout is a second, each next one doubles, progress takes the backoff back.
func TestRetransmissionBackoff(t *testing.T) {
	w := connect(t, Config{})
	dead := true
	w.drop = func(from int, s *Segment) bool { return dead && from == 0 }
	_, err := w.ends[0].Write([]byte("x"))
	require.NoError(t, err)
	start := w.now
	w.run("five timeouts", func() bool { return w.ends[0].timing.retries == 5 })
	require.Equal(t, minRTO*(1+2+4+8+16), w.now-start)
	dead = false
	w.run("acknowledged", func() bool { return w.ends[0].Unsent() == 0 })
	require.Zero(t, w.ends[0].timing.retries)
}

// RFC 5681, 3.2: three duplicate acknowledgements bring the lost segment back long before a timeout.
func TestFastRetransmit(t *testing.T) {
	w := connect(t, Config{})
	lost := 0
	w.drop = func(from int, s *Segment) bool {
		if from == 0 && len(s.Payload) > 0 && lost == 0 {
			lost++
			return true
		}
		return false
	}
	start := w.now
	data := pattern(9 * defaultMSS)
	require.True(t, bytes.Equal(data, w.transfer(0, data)))
	require.Equal(t, 1, lost)
	require.Less(t, w.now-start, minRTO)
}

func TestKeepAliveFindsADeadPeer(t *testing.T) {
	w := connect(t, Config{})
	w.ends[0].SetKeepAlive(w.now, 10*time.Second)
	alive := w.now + time.Hour
	w.run("an hour of answered probes", func() bool { return w.now >= alive })
	require.Equal(t, Established, w.ends[0].State())
	w.drop = func(int, *Segment) bool { return true }
	w.run("given up", func() bool { return w.ends[0].State() == Closed })
	require.ErrorIs(t, w.ends[0].Err(), syscall.ETIMEDOUT)
}

// TestLossAndReordering moves data both ways at once while segments are lost, doubled and overtaken.
func TestLossAndReordering(t *testing.T) {
	for seed := range uint64(40) {
		r := rand.New(rand.NewPCG(seed, 0))
		w := connect(t, Config{ISS: 1<<32 - 5000, ReceiveBuffer: 20_000})
		w.drop = func(from int, s *Segment) bool {
			if to := w.ends[1-from]; len(s.Payload) > 0 {
				require.False(t, before(to.edge, s.Seq+uint32(len(s.Payload))), "seed %d: beyond the window", seed)
			}
			if r.IntN(20) == 0 {
				again := *s
				w.air = append(w.air, flying{w.now + w.delay + time.Duration(r.IntN(40))*time.Millisecond, 1 - from, again})
			}
			return r.IntN(10) == 0
		}
		there, back := pattern(60_000), pattern(50_000)
		_, err := w.ends[1].Write(back)
		require.NoError(t, err)
		got := w.transfer(0, there)
		require.True(t, bytes.Equal(there, got), "seed %d", seed)
		var other []byte
		buf := make([]byte, 3000)
		w.run("the other direction", func() bool {
			for {
				n, err := w.ends[0].Read(buf)
				require.NoError(t, err)
				if n == 0 {
					return len(other) == len(back)
				}
				other = append(other, buf[:n]...)
			}
		})
		require.True(t, bytes.Equal(back, other), "seed %d", seed)
		w.ends[0].Close(w.now)
		w.ends[1].Close(w.now)
		w.run("both close", func() bool { return w.ends[0].State() == Closed && w.ends[1].State() == Closed })
		require.NoError(t, w.ends[0].Err(), "seed %d", seed)
	}
}
