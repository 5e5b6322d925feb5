package runner

import (
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"github.com/proxyspec/proxyspec/sim/bubble"
)

// clock is where the functions of a case run: a bubble of virtual time, or real time.
type clock interface {
	// Do runs f, and returns when it has returned and what it set off has settled as far as that can be told.
	Do(f func()) error
	// Close ends it. What still holds a goroutine has as much time as this to let go.
	Close(drain time.Duration) error
}

// open makes the clock for a network.
func open(network string, watchdog time.Duration) (clock, error) {
	if network == Kernel {
		return &realTime{watchdog: realFactor * watchdog}, nil
	}
	return bubble.Open(bubble.Config{Watchdog: watchdog})
}

// realFactor is how much longer a step may take in real time: the longest waits of the suite are a minute, and
// a step has several.
const realFactor = 4

// realTime runs functions in real time. Goroutines that a case leaves behind are not looked for: the same case
// in virtual time finds them.
type realTime struct {
	watchdog time.Duration

	mu   sync.Mutex
	gone error
}

// lateError says that a function didn't return.
type lateError struct{ after time.Duration }

func (e *lateError) Error() string {
	return fmt.Sprintf("not done after %v of real time", e.after)
}

func (r *realTime) Do(f func()) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.gone != nil {
		return r.gone
	}
	returned := make(chan error, 1)
	go guard(f, returned)
	timer := time.NewTimer(r.watchdog)
	defer timer.Stop()
	select {
	case err := <-returned:
		return err
	case <-timer.C:
		r.gone = &lateError{r.watchdog}
		return r.gone
	}
}

// guard runs a function in a goroutine that may die.
func guard(f func(), returned chan<- error) {
	normal := false
	defer func() {
		if normal {
			returned <- nil
			return
		}
		v := recover() // nil: runtime.Goexit
		returned <- &bubble.PanicError{Value: v, Stack: string(debug.Stack())}
	}()
	f()
	normal = true
}

func (r *realTime) Close(time.Duration) error { return r.gone }
