package bubble

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// PanicError says that a function panicked, or called runtime.Goexit, instead of returning. The bubble
// can still be used.
type PanicError struct {
	Value any    // of the panic; nil for runtime.Goexit
	Stack string // where
}

func (e *PanicError) Error() string {
	if e.Value == nil {
		return "bubble: the function called runtime.Goexit (t.Fatal and t.FailNow do)\n" + e.Stack
	}
	return fmt.Sprintf("bubble: panic: %v\n%s", e.Value, e.Stack)
}

// Unwrap is the value of the panic, if it was an error.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

// FrozenError says that a bubble didn't come to the end of a call: nothing in it can go on, or its time
// can't pass, or there is no end of timers. The bubble was abandoned.
type FrozenError struct {
	After      time.Duration // of real time, if the watchdog found it
	Deadlock   bool          // the runtime found it: every goroutine waits for another one, and no timer is set
	Goroutines []Goroutine   // of the bubble, the suspects first
}

func (e *FrozenError) Error() string {
	var s strings.Builder
	suspects, running := 0, 0
	var hints []string
	for _, g := range e.Goroutines {
		if g.stopsTime() {
			suspects++
			if h := hint(g.State); h != "" && !slices.Contains(hints, h) {
				hints = append(hints, h)
			}
		} else if g.runs() {
			running++
		}
	}
	switch {
	case e.Deadlock:
		s.WriteString("bubble: deadlock: every goroutine waits for another one and no timer is set")
	case suspects > 0:
		fmt.Fprintf(&s, "bubble: frozen: not done after %v of real time; virtual time stands still because of %s", e.After, count(suspects))
		if suspects < len(e.Goroutines) {
			s.WriteString(", the first below")
		}
		for _, h := range hints {
			s.WriteString("; " + h)
		}
	default:
		fmt.Fprintf(&s, "bubble: not done after %v of real time, and nothing keeps virtual time from passing: a loop that never waits, an endless one of timers, or too much work", e.After)
		if running > 0 {
			fmt.Fprintf(&s, "; %s ran just then, the first below", count(running))
		}
	}
	s.WriteString(" (the bubble is abandoned: replace this process)")
	list(&s, e.Goroutines)
	return s.String()
}

// Dump is the stacks of all goroutines, for the report.
func (e *FrozenError) Dump() string { return dump(e.Goroutines) }

// LeakError says which goroutines were left at the end of a bubble. The bubble was abandoned with them.
type LeakError struct {
	Goroutines []Goroutine
}

func (e *LeakError) Error() string {
	var s strings.Builder
	fmt.Fprintf(&s, "bubble: %s left at the end", count(len(e.Goroutines)))
	list(&s, e.Goroutines)
	return s.String()
}

// Dump is the stacks of all goroutines, for the report.
func (e *LeakError) Dump() string { return dump(e.Goroutines) }

// hint is what a goroutine waits for, if its state tells, that keeps virtual time from passing.
func hint(state string) string {
	switch {
	case state == "IO wait":
		return "IO wait is for a real socket, past the virtual network, or for a file"
	case state == "chan receive", state == "chan send", state == "select":
		return "the channel was made outside the bubble, as one of a package's variables is"
	case strings.HasPrefix(state, "sync.Mutex"), strings.HasPrefix(state, "sync.RWMutex"):
		return "whoever holds the lock must not sleep or wait meanwhile"
	}
	return ""
}

func count(n int) string {
	if n == 1 {
		return "1 goroutine"
	}
	return fmt.Sprintf("%d goroutines", n)
}

// listed is how many goroutines an error names; a dump has them all.
const listed = 20

func list(s *strings.Builder, gs []Goroutine) {
	for i, g := range gs {
		if i == listed {
			fmt.Fprintf(s, "\n  and %d more", len(gs)-listed)
			return
		}
		fmt.Fprintf(s, "\n  %v", g)
	}
}

func dump(gs []Goroutine) string {
	stacks := make([]string, len(gs))
	for i, g := range gs {
		stacks[i] = g.Stack
	}
	return strings.Join(stacks, "\n\n")
}
