package tcp

import (
	"bufio"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var rewrite = flag.Bool("rewrite", false, "write what the scripts give into their files; look at the difference")

// TestScripts plays testdata/scripts, each a conversation with one end that stands in the RFC which its name
// names. A line is a comment (#), a command, or what followed from the command above it (> and =).
//
//	open [mss=N] [recv=N] [send=N]   begins an active open; listen waits for a SYN
//	< FLAGS [seq=N] [ack=N] [win=N] [mss=N] [scale=N] [sackok=1] [sack=N-N,N-N] [len=N]   a segment arrives
//	write N, read N, close, closewrite, closeread, abort, shrink N, keepalive D   the application calls
//	wait D   time passes, and timers run
//	state    says the state, and the error if there is one
//
// Sequence numbers count from the SYN of their end. Every payload has bytes that tell their place, so that
// none can be lost, doubled or invented unseen.
func TestScripts(t *testing.T) {
	files, err := filepath.Glob("testdata/scripts/*.txt")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			require.NoError(t, err)
			p := &play{t: t}
			got := p.run(string(text))
			if *rewrite {
				require.NoError(t, os.WriteFile(file, []byte(got), 0o644))
			}
			require.Equal(t, string(text), got, "go test -run TestScripts -rewrite ./sim/tcp writes what it is now")
		})
	}
}

const ourISS, theirISS = 4_000_000_000, 7_000

// play is a script under way.
type play struct {
	t       *testing.T
	now     time.Duration
	conn    *Conn
	config  Config
	written int // by the application
	taken   int // bytes read by it
	out     strings.Builder
}

// run plays a script and gives it back with what followed from each command.
func (p *play) run(text string) string {
	for lines := bufio.NewScanner(strings.NewReader(text)); lines.Scan(); {
		line := lines.Text()
		if strings.HasPrefix(line, ">") || strings.HasPrefix(line, "=") {
			continue
		}
		fmt.Fprintln(&p.out, line)
		fields := strings.Fields(line)
		if len(fields) == 0 || strings.HasPrefix(line, "#") {
			continue
		}
		p.command(fields[0], fields[1:])
		p.pump()
	}
	return p.out.String()
}

func (p *play) command(name string, args []string) {
	number := func() int {
		require.Len(p.t, args, 1, name)
		n, err := strconv.Atoi(args[0])
		require.NoError(p.t, err, name)
		return n
	}
	switch name {
	case "open":
		p.configure(args)
		p.conn = Open(p.config)
	case "listen":
		p.configure(args)
	case "<":
		p.arrive(args)
	case "write":
		n, err := p.conn.Write(bytesAt(p.written, number()))
		p.written += n
		p.say("%d bytes%s", n, because(err))
	case "read":
		p.read(number())
	case "close":
		p.conn.Close(p.now)
	case "closewrite":
		p.conn.CloseWrite()
	case "closeread":
		p.conn.CloseRead()
	case "abort":
		p.conn.Abort()
	case "shrink":
		p.conn.SetMSS(number())
	case "keepalive":
		p.conn.SetKeepAlive(p.now, p.duration(args))
	case "wait":
		p.wait(p.duration(args))
	case "state":
		p.say("%v%s", p.conn.State(), because(p.conn.Err()))
	default:
		p.t.Fatalf("%q is no command", name)
	}
}

func (p *play) configure(args []string) {
	p.config = Config{ISS: ourISS}
	for key, value := range p.pairs(args) {
		switch key {
		case "mss":
			p.config.MSS = value
		case "recv":
			p.config.ReceiveBuffer = value
		case "send":
			p.config.SendBuffer = value
		default:
			p.t.Fatalf("%q is nothing that a connection has", key)
		}
	}
}

func (p *play) pairs(args []string) map[string]int {
	out := map[string]int{}
	for _, arg := range args {
		key, value, _ := strings.Cut(arg, "=")
		if key == "sack" {
			continue
		}
		n, err := strconv.Atoi(value)
		require.NoError(p.t, err, arg)
		out[key] = n
	}
	return out
}

func (p *play) arrive(args []string) {
	seg := Segment{Scale: NoScale, Seq: theirISS, Window: 65535}
	for len(args) > 0 && !strings.Contains(args[0], "=") {
		flag, ok := map[string]Flags{"SYN": SYN, "FIN": FIN, "RST": RST, "PSH": PSH, "ACK": ACK}[args[0]]
		require.True(p.t, ok, args[0])
		seg.Flags |= flag
		args = args[1:]
	}
	for key, value := range p.pairs(args) {
		switch key {
		case "seq":
			seg.Seq = theirISS + uint32(value)
		case "ack":
			seg.Ack = ourISS + uint32(value)
		case "win":
			seg.Window = uint16(value)
		case "mss":
			seg.MSS = uint16(value)
		case "scale":
			seg.Scale = int8(value)
		case "sackok":
			seg.SACKPermitted = value == 1
		case "len":
			seg.Payload = make([]byte, value)
		default:
			p.t.Fatalf("%q is nothing that a segment has", key)
		}
	}
	for _, arg := range args {
		if said, ok := strings.CutPrefix(arg, "sack="); ok {
			seg.SACK = p.ranges(said)
		}
	}
	copy(seg.Payload, bytesAt(int(int32(seg.Seq-theirISS-1)), len(seg.Payload)))
	if p.conn == nil {
		p.conn = Accept(p.config, &seg)
		return
	}
	p.conn.Arrive(p.now, &seg)
}

// ranges are numbers of ours, as "1461-2921,4381-5841".
func (p *play) ranges(text string) (all []Range) {
	for _, r := range strings.Split(text, ",") {
		var from, to int
		_, err := fmt.Sscanf(r, "%d-%d", &from, &to)
		require.NoError(p.t, err, r)
		all = append(all, Range{ourISS + uint32(from), ourISS + uint32(to)})
	}
	return all
}

func (p *play) read(n int) {
	buf := make([]byte, n)
	n, err := p.conn.Read(buf)
	require.Equal(p.t, bytesAt(p.taken, n), buf[:n], "what was sent")
	p.taken += n
	p.say("%d bytes%s", n, because(err))
}

// wait lets time pass. Segments say when they came.
func (p *play) wait(d time.Duration) {
	end := p.now + d
	for {
		at, ok := p.conn.Deadline()
		if !ok || at > end {
			p.now = end
			return
		}
		p.now = max(p.now, at)
		p.conn.Tick(p.now)
		p.pump()
	}
}

func (p *play) duration(args []string) time.Duration {
	require.Len(p.t, args, 1)
	d, err := time.ParseDuration(args[0])
	require.NoError(p.t, err)
	return d
}

func (p *play) pump() {
	if p.conn != nil {
		p.conn.Output(p.now, p.emit)
	}
}

func (p *play) emit(s Segment) {
	fmt.Fprintf(&p.out, "> %v %v seq=%d", p.now, s.Flags, int32(s.Seq-ourISS))
	if s.Flags&ACK != 0 {
		fmt.Fprintf(&p.out, " ack=%d win=%d", int32(s.Ack-theirISS), s.Window)
	}
	if s.MSS != 0 {
		fmt.Fprintf(&p.out, " mss=%d", s.MSS)
	}
	if s.Scale != NoScale {
		fmt.Fprintf(&p.out, " scale=%d", s.Scale)
	}
	if s.SACKPermitted {
		fmt.Fprint(&p.out, " sackok=1")
	}
	for _, r := range s.SACK {
		fmt.Fprintf(&p.out, " sack=%d-%d", int32(r.From-theirISS), int32(r.To-theirISS))
	}
	if len(s.Payload) > 0 {
		fmt.Fprintf(&p.out, " len=%d", len(s.Payload))
		require.Equal(p.t, bytesAt(int(int32(s.Seq-ourISS-1)), len(s.Payload)), s.Payload)
	}
	fmt.Fprintln(&p.out)
}

func (p *play) say(format string, args ...any) {
	fmt.Fprintf(&p.out, "= "+format+"\n", args...)
}

func because(err error) string {
	switch err {
	case nil:
		return ""
	case io.EOF:
		return ", end of data"
	}
	return ", " + err.Error()
}

// bytesAt is n bytes of a stream from a place on. 251 is prime: no segment's length hides a shift.
func bytesAt(at, n int) []byte {
	p := make([]byte, n)
	for i := range p {
		p[i] = byte(((at+i)%251 + 251) % 251)
	}
	return p
}
