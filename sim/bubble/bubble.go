package bubble

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// Config says how a bubble is to be. The zero value works.
type Config struct {
	// Epoch is what the clock shows when Open returns, not before 2000-01-01. Default: Epoch.
	Epoch time.Time

	// Watchdog is how much real time Open, one Do, or Close may take before the bubble counts as
	// frozen. Default 10 s. A negative one waits for ever, for use with a debugger.
	Watchdog time.Duration
}

// Epoch is the time at which a bubble's clock starts if its Config doesn't say otherwise.
var Epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

const defaultWatchdog = 10 * time.Second

// birth is where the runtime starts the clock of a bubble.
var birth = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// Bubble is a group of goroutines with a clock of its own. It is for one caller at a time.
type Bubble struct {
	watchdog time.Duration
	steps    chan step   // made outside: waiting for the next step keeps the clock still
	named    chan string // one value, when the clock runs: the name
	ended    chan error  // one value, at the end: what the runtime complained of; nil: nothing was left
	name     string      // "synctest bubble 7", as in stack traces

	mu   sync.Mutex // held by the call under way
	gone error      // why no further call is possible
}

var errClosed = errors.New("bubble: closed already")

// Open makes a bubble whose clock stands at the epoch.
func Open(c Config) (*Bubble, error) {
	if c.Epoch.IsZero() {
		c.Epoch = Epoch
	}
	if c.Epoch.Before(birth) {
		return nil, fmt.Errorf("bubble: the epoch %v is before %v, where a bubble's clock begins", c.Epoch, birth)
	}
	if c.Watchdog == 0 {
		c.Watchdog = defaultWatchdog
	}
	b := &Bubble{watchdog: c.Watchdog, steps: make(chan step), named: make(chan string, 1), ended: make(chan error, 1)}
	go b.hold()
	select {
	case b.name = <-b.named:
	case err := <-b.ended:
		return nil, fmt.Errorf("bubble: the runtime refuses it: %w", err)
	}
	if b.name == "" {
		return nil, errors.Join(errors.New("bubble: stack traces don't name the bubble of a goroutine"), b.Close(0))
	}
	if err := b.Do(func() { time.Sleep(time.Until(c.Epoch) - settling) }); err != nil { // Do adds that
		return nil, err
	}
	return b, nil
}

// Do runs f in the bubble and returns when it has returned and everything at that instant has settled.
func (b *Bubble) Do(f func()) error {
	if !b.mu.TryLock() {
		return errors.New("bubble: Do and Close are for one caller at a time, and one is under way")
	}
	defer b.mu.Unlock()
	if b.gone != nil {
		return b.gone
	}
	return b.do(f)
}

// Close lets virtual time pass for as long as drain, so that goroutines which were told to stop can, and
// ends the bubble. It is an error if one is still there.
func (b *Bubble) Close(drain time.Duration) error {
	if !b.mu.TryLock() {
		return errors.New("bubble: Do and Close are for one caller at a time, and one is under way")
	}
	defer b.mu.Unlock()
	if b.gone != nil {
		return b.gone
	}
	if err := b.do(func() { time.Sleep(drain) }); err != nil {
		return err
	}
	b.gone = errClosed
	close(b.steps)
	watchdog, stop := b.watch()
	defer stop()
	select {
	case err := <-b.ended:
		if err == nil {
			return nil
		}
		left := b.goroutines()
		if len(left) == 0 {
			b.gone = fmt.Errorf("bubble: at the end: %w", err)
		} else {
			b.gone = &LeakError{Goroutines: left}
		}
		return b.gone
	case <-watchdog:
		return b.abandon(nil, nil) // something runs on, or waits for the world outside
	}
}

// Settle waits until every other goroutine of the calling goroutine's bubble is durably blocked and the
// timers of this instant have run. Only one goroutine of a bubble may ever call it: the packet loop.
func Settle() { synctest.Wait() }

// do hands a step to the bubble and watches it.
func (b *Bubble) do(f func()) error {
	s := step{f: f, returned: make(chan error, 1), settled: make(chan struct{})}
	watchdog, stop := b.watch()
	defer stop()

	b.steps <- s
	select {
	case <-s.settled:
		return <-s.returned
	case err := <-b.ended:
		return b.abandon(s.result(), err)
	case <-watchdog:
		return b.abandon(s.result(), nil)
	}
}

// abandon gives the bubble up, because the runtime found a deadlock or else because the watchdog barked.
// Should whatever stops the bubble ever let go of it, its main goroutine finds no more steps, and ends.
func (b *Bubble) abandon(result, deadlock error) error {
	if b.gone == nil {
		close(b.steps)
	}
	b.gone = &FrozenError{After: b.watchdog, Deadlock: deadlock != nil, Goroutines: b.goroutines()}
	if result != nil {
		b.gone = errors.Join(result, b.gone)
	}
	return b.gone
}

// watch starts the watchdog, on the real clock.
func (b *Bubble) watch() (barks <-chan time.Time, stop func() bool) {
	if b.watchdog < 0 {
		return nil, func() bool { return true }
	}
	t := time.NewTimer(b.watchdog)
	return t.C, t.Stop
}

// hold is the goroutine that the runtime makes the root of the bubble: it runs the clock. The runtime
// panics here, and nowhere else, when nothing in the bubble can go on any more, be it because all wait
// for each other or because the main goroutine left others behind; what remains is then frozen for good
// and harmless. testing never gets to see a failure, except for a data race, which it answers with
// runtime.Goexit.
func (b *Bubble) hold() {
	end := errors.New("package testing gave the bubble up, as it does after a data race")
	defer func() {
		if v := recover(); v != nil {
			end = fmt.Errorf("%v", v)
		}
		b.ended <- end
	}()
	synctest.Test(new(testing.T), func(*testing.T) {
		b.named <- ownBubble()
		b.serve()
	})
	end = nil
}
