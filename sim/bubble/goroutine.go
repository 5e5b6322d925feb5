package bubble

import (
	"cmp"
	"fmt"
	"path"
	"regexp"
	"runtime"
	"slices"
	"strings"
)

// Goroutine is one goroutine of a bubble, as a stack trace shows it.
type Goroutine struct {
	State    string // what it does: "chan receive (durable)", "sync.Mutex.Lock", "running"
	Function string // the innermost one that isn't the runtime's or a primitive of the standard library
	Place    string // where in it: "turn/client.go:300"
	Creator  string // the function that started it; "Do" for the step itself
	Origin   string // where in that; empty for the step itself
	Stack    string // the whole trace
}

func (g Goroutine) String() string {
	s := fmt.Sprintf("%s at %s [%s], started by %s", g.Function, g.Place, g.State, g.Creator)
	if g.Origin != "" {
		s += " at " + g.Origin
	}
	return s
}

// stopsTime tells whether a goroutine keeps virtual time from passing by waiting for something that
// isn't of the bubble. (One that runs keeps it, too, but only for now.)
func (g Goroutine) stopsTime() bool {
	return !g.runs() && !strings.Contains(g.State, "(durable)") && !strings.HasPrefix(g.State, "GC")
}

func (g Goroutine) runs() bool {
	return slices.Contains([]string{"running", "runnable", "preempted", "copystack"}, g.State)
}

// goroutines finds what lives in the bubble, apart from what this package put there to run it.
func (b *Bubble) goroutines() []Goroutine {
	var gs []Goroutine
	for _, stack := range strings.Split(allStacks(), "\n\n") {
		state, bubble := header(stack)
		if bubble == "" || bubble != b.name || strings.Contains(stack, "\ntesting/synctest.") || strings.Contains(stack, "\ntesting.tRunner(") {
			continue
		}
		gs = append(gs, parse(state, strings.TrimSpace(stack)))
	}
	slices.SortStableFunc(gs, func(a, b Goroutine) int {
		return cmp.Or(a.rank()-b.rank(), cmp.Compare(a.Function, b.Function))
	})
	return gs
}

// rank is lower the more likely it is that a goroutine is to blame. Those of this module wait for what the code under test
// does, and there are so many of them that it would not be seen behind them.
func (g Goroutine) rank() int {
	switch {
	case g.stopsTime():
		return 0
	case g.runs():
		return 1
	case !strings.HasPrefix(g.Function, module):
		return 2
	}
	return 3
}

const module = "github.com/proxyspec/proxyspec/"

func allStacks() string {
	for n := 1 << 16; ; n *= 2 {
		buf := make([]byte, n)
		if used := runtime.Stack(buf, true); used < n {
			return string(buf[:used])
		}
	}
}

// ownBubble is the name of the calling goroutine's bubble in stack traces.
func ownBubble() string {
	buf := make([]byte, 256) // the first line is all that counts
	_, bubble := header(string(buf[:runtime.Stack(buf, false)]))
	return bubble
}

// heading is the first line of a goroutine's trace: number, state, and perhaps a time and other marks.
var heading = regexp.MustCompile(`^\s*goroutine \d+.*? \[(.*)\]:`)

func header(stack string) (state, bubble string) {
	first, _, _ := strings.Cut(strings.TrimSpace(stack), "\n")
	m := heading.FindStringSubmatch(first)
	if m == nil {
		return "", ""
	}
	marks := strings.Split(m[1], ", ")
	for _, mark := range marks {
		if strings.HasPrefix(mark, "synctest bubble ") {
			bubble = mark
		}
	}
	return marks[0], bubble
}

// parse reads a trace: after the heading, pairs of lines with a call and its place, and last the
// creator.
func parse(state, stack string) Goroutine {
	g := Goroutine{State: state, Stack: stack}
	lines := strings.Split(stack, "\n")[1:]
	for i := 0; i+1 < len(lines); i++ {
		call, where := lines[i], lines[i+1]
		if !strings.HasPrefix(where, "\t") {
			continue // a remark, such as that frames were left out
		}
		i++
		if creator, ok := strings.CutPrefix(call, "created by "); ok {
			g.Creator, _, _ = strings.Cut(creator, " in goroutine ")
			g.Origin = place(where)
			if strings.HasSuffix(g.Creator, "/sim/bubble.(*Bubble).serve") {
				g.Creator, g.Origin = "Do", ""
			}
			break
		}
		if g.Function != "" && !primitive(g.Function) {
			continue
		}
		if n := strings.LastIndexByte(call, '('); n > 0 {
			call = call[:n]
		}
		if g.Function == "" || !primitive(call) {
			g.Function, g.Place = call, place(where)
		}
	}
	return g
}

// primitive tells whether a function only waits on behalf of whoever called it.
func primitive(function string) bool {
	for _, pkg := range []string{"runtime.", "internal/", "sync.", "sync/atomic.", "time.", "context."} {
		if strings.HasPrefix(function, pkg) {
			return true
		}
	}
	return false
}

// place shortens "\t/root/go/pkg/mod/example.org/turn/client.go:300 +0x1d" to "turn/client.go:300".
func place(line string) string {
	file, _, _ := strings.Cut(strings.TrimSpace(line), " ")
	return path.Join(path.Base(path.Dir(file)), path.Base(file))
}
