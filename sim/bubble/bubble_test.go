package bubble_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/sim/bubble"
)

// short is the watchdog of bubbles that freeze on purpose, in real time.
const short = 20 * time.Millisecond

func open(t testing.TB, c bubble.Config) *bubble.Bubble {
	t.Helper()
	b, err := bubble.Open(c)
	require.NoError(t, err)
	return b
}

func TestSelfTest(t *testing.T) {
	require.NoError(t, bubble.SelfTest())
}

func TestClock(t *testing.T) {
	b := open(t, bubble.Config{})
	var first, second, third time.Time
	require.NoError(t, b.Do(func() { first = time.Now() }))
	require.NoError(t, b.Do(func() { second = time.Now(); time.Sleep(time.Hour) }))
	require.NoError(t, b.Do(func() { third = time.Now() }))
	require.True(t, first.Equal(bubble.Epoch), first)
	require.Equal(t, time.Nanosecond, second.Sub(first), "the clock stands still between two steps, but for settling")
	require.Equal(t, time.Hour+time.Nanosecond, third.Sub(second))
	require.NoError(t, b.Close(0))
}

func TestEpoch(t *testing.T) {
	for _, tc := range []struct {
		name  string
		epoch time.Time
		want  time.Time // zero: an error
	}{
		{"the default", time.Time{}, time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)},
		{"another", time.Date(2051, 7, 1, 12, 0, 0, 5, time.UTC), time.Date(2051, 7, 1, 12, 0, 0, 5, time.UTC)},
		{"the earliest", time.Date(2000, 1, 1, 0, 0, 0, 1, time.UTC), time.Date(2000, 1, 1, 0, 0, 0, 1, time.UTC)},
		{"too early", time.Date(1999, 12, 31, 23, 59, 59, 0, time.UTC), time.Time{}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b, err := bubble.Open(bubble.Config{Epoch: tc.epoch})
			if tc.want.IsZero() {
				require.ErrorContains(t, err, "is before 2000-01-01")
				return
			}
			require.NoError(t, err)
			require.NoError(t, b.Do(func() { require.True(t, time.Now().Equal(tc.want), time.Now()) }))
			require.NoError(t, b.Close(0))
		})
	}
}

func TestDoSettles(t *testing.T) {
	b := open(t, bubble.Config{})
	var done atomic.Int64
	require.NoError(t, b.Do(func() {
		var chain func(n int)
		chain = func(n int) {
			if done.Add(1); n > 0 {
				go chain(n - 1)
			}
		}
		go chain(1000)
	}))
	require.EqualValues(t, 1001, done.Load())
	require.NoError(t, b.Close(0))
}

func TestGoroutinesLiveOnBetweenSteps(t *testing.T) {
	b := open(t, bubble.Config{})
	var ticks atomic.Int64
	var cancel context.CancelFunc
	require.NoError(t, b.Do(func() {
		var ctx context.Context
		ctx, cancel = context.WithCancel(context.Background())
		go func() {
			ticker := time.NewTicker(time.Second)
			defer ticker.Stop()
			for {
				select {
				case <-ctx.Done():
					return
				case <-ticker.C:
					ticks.Add(1)
				}
			}
		}()
	}))
	require.Zero(t, ticks.Load())
	require.NoError(t, b.Do(func() { time.Sleep(time.Minute) }))
	require.EqualValues(t, 60, ticks.Load())
	require.NoError(t, b.Do(func() { cancel() }))
	require.NoError(t, b.Close(0))
}

func TestSettle(t *testing.T) {
	b := open(t, bubble.Config{})
	require.NoError(t, b.Do(func() {
		reached := false
		go func() { reached = true }()
		bubble.Settle()
		require.True(t, reached)
	}))
	require.NoError(t, b.Close(0))
}

func TestPanics(t *testing.T) {
	cause := errors.New("the cause")
	for _, tc := range []struct {
		name  string
		f     func()
		value any
		want  string
	}{
		{"panic", func() { panic("ouch") }, "ouch", "bubble: panic: ouch\n"},
		{"panic with an error", func() { panic(cause) }, cause, "bubble: panic: the cause\n"},
		{"t.Fatal", func() { new(testing.T).FailNow() }, nil, "bubble: the function called runtime.Goexit"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b := open(t, bubble.Config{})
			err := b.Do(tc.f)
			var p *bubble.PanicError
			require.ErrorAs(t, err, &p)
			require.Equal(t, tc.value, p.Value)
			require.Contains(t, p.Stack, "TestPanics")
			require.ErrorContains(t, err, tc.want)
			require.Equal(t, tc.value == any(cause), errors.Is(err, cause))

			require.NoError(t, b.Do(func() {}), "the bubble can still be used")
			require.NoError(t, b.Close(0))
		})
	}
}

// hog takes a lock and keeps it while it sleeps, which nobody must in a bubble.
func hog(mu *sync.Mutex) {
	mu.Lock()
	defer mu.Unlock()
	time.Sleep(time.Hour)
}

func TestFrozenByMutex(t *testing.T) {
	b := open(t, bubble.Config{Watchdog: short})
	err := b.Do(func() {
		var mu sync.Mutex
		go hog(&mu)
		time.Sleep(time.Second)
		mu.Lock()
	})
	var frozen *bubble.FrozenError
	require.ErrorAs(t, err, &frozen)
	require.False(t, frozen.Deadlock)
	require.Len(t, frozen.Goroutines, 2)
	suspect, sleeper := frozen.Goroutines[0], frozen.Goroutines[1]
	require.Equal(t, "Do", suspect.Creator)
	require.Equal(t, "sync.Mutex.Lock", suspect.State)
	require.Contains(t, suspect.Function, "TestFrozenByMutex")
	require.Contains(t, suspect.Place, "bubble/bubble_test.go:")
	require.Equal(t, "sleep (durable)", sleeper.State)
	require.Equal(t, "github.com/proxyspec/proxyspec/sim/bubble_test.hog", sleeper.Function)
	require.Contains(t, sleeper.Creator, "TestFrozenByMutex")
	require.ErrorContains(t, err, "virtual time stands still because of 1 goroutine, the first below; whoever holds the lock must not sleep or wait meanwhile (the bubble is abandoned: replace this process)\n  ")
	require.Contains(t, frozen.Dump(), "hog(")

	require.Equal(t, err, b.Do(func() { t.Error("the bubble runs on") }))
	require.Equal(t, err, b.Close(0))
}

func TestPanicThatLeavesALock(t *testing.T) {
	b := open(t, bubble.Config{Watchdog: short})
	err := b.Do(func() {
		var mu sync.Mutex
		mu.Lock()
		go mu.Lock()
		panic("ouch")
	})
	var p *bubble.PanicError
	var frozen *bubble.FrozenError
	require.ErrorAs(t, err, &p)
	require.ErrorAs(t, err, &frozen)
}

func TestDeadlock(t *testing.T) {
	b := open(t, bubble.Config{Watchdog: -1}) // the runtime sees it by itself
	err := b.Do(func() { <-make(chan int) })
	var frozen *bubble.FrozenError
	require.ErrorAs(t, err, &frozen)
	require.True(t, frozen.Deadlock)
	require.Len(t, frozen.Goroutines, 1)
	require.ErrorContains(t, err, "every goroutine waits for another one and no timer is set")
	require.ErrorContains(t, err, "TestDeadlock")
	require.Equal(t, err, b.Close(0))
}

func TestEndlessTimers(t *testing.T) {
	b := open(t, bubble.Config{Watchdog: short})
	stop := make(chan struct{}) // made outside, but it is never waited for
	err := b.Do(func() {
		for {
			time.Sleep(time.Second)
			select {
			case <-stop:
				return
			default:
			}
		}
	})
	close(stop)
	var frozen *bubble.FrozenError
	require.ErrorAs(t, err, &frozen)
	require.ErrorContains(t, err, "nothing keeps virtual time from passing")
}

// TestLoopThatNeverWaits: who runs all the time is named before those who wait.
func TestLoopThatNeverWaits(t *testing.T) {
	b := open(t, bubble.Config{Watchdog: short})
	var stop atomic.Bool
	defer stop.Store(true)
	err := b.Do(func() {
		go func() {
			for !stop.Load() {
			}
		}()
		time.Sleep(time.Second)
	})
	var frozen *bubble.FrozenError
	require.ErrorAs(t, err, &frozen)
	require.ErrorContains(t, err, "a loop that never waits")
	require.ErrorContains(t, err, "1 goroutine ran just then, the first below")
	require.Contains(t, frozen.Goroutines[0].Function, "TestLoopThatNeverWaits")
}

// TestRealSocket: who went past the virtual network is told so.
func TestRealSocket(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	b := open(t, bubble.Config{Watchdog: short})
	err = b.Do(func() {
		conn, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			panic(err)
		}
		_, _ = conn.Read(make([]byte, 1))
	})
	require.ErrorContains(t, err, "because of 1 goroutine; IO wait is for a real socket, past the virtual network")
}

// TestThaw lets go of a frozen bubble after it was given up: it must end by itself, quietly.
func TestThaw(t *testing.T) {
	b := open(t, bubble.Config{Watchdog: short})
	outside, over := make(chan struct{}), make(chan struct{})
	err := b.Do(func() {
		defer close(over)
		<-outside
		time.Sleep(time.Hour)
	})
	var frozen *bubble.FrozenError
	require.ErrorAs(t, err, &frozen)
	require.Equal(t, "chan receive", frozen.Goroutines[0].State)
	require.ErrorContains(t, err, "the channel was made outside the bubble")
	close(outside)
	// over was made outside, so it may be waited for here.
	<-over
	require.Equal(t, err, b.Do(func() {}))
}

func TestLeaks(t *testing.T) {
	for _, tc := range []struct {
		name   string
		f      func()
		drain  time.Duration
		states []string
	}{
		{"nothing", func() {}, 0, nil},
		{"a goroutine that the drain outlasts", func() { go time.Sleep(time.Minute) }, time.Minute, nil},
		{"a timer without a goroutine", func() { time.AfterFunc(time.Hour, func() {}) }, 0, nil},
		{"a sleeper", func() { go time.Sleep(time.Minute) }, 59 * time.Second, []string{"sleep (durable)"}},
		{"a reader", func() { go func() { <-make(chan int) }() }, time.Hour, []string{"chan receive (durable)"}},
		{"a ticker", func() {
			go func() {
				for range time.Tick(time.Second) {
				}
			}()
		}, time.Hour, []string{"chan receive (durable)"}},
		{"several", func() { go func() { select {} }(); go time.Sleep(time.Minute) }, 0, []string{"select (no cases) (durable)", "sleep (durable)"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b := open(t, bubble.Config{})
			require.NoError(t, b.Do(tc.f))
			err := b.Close(tc.drain)
			if tc.states == nil {
				require.NoError(t, err)
				return
			}
			var leak *bubble.LeakError
			require.ErrorAs(t, err, &leak)
			var states []string
			for _, g := range leak.Goroutines {
				states = append(states, g.State)
				require.Contains(t, g.Creator, "TestLeaks")
				require.Contains(t, g.Origin, "bubble/bubble_test.go:")
				require.NotEmpty(t, g.Function)
			}
			require.ElementsMatch(t, tc.states, states)
			require.ErrorContains(t, err, fmt.Sprintf("%d goroutine", len(tc.states)))
			require.Equal(t, err, b.Close(0))
			require.Equal(t, err, b.Do(func() {}))
		})
	}
}

func TestClosed(t *testing.T) {
	b := open(t, bubble.Config{})
	require.NoError(t, b.Close(0))
	require.EqualError(t, b.Close(0), "bubble: closed already")
	require.EqualError(t, b.Do(func() {}), "bubble: closed already")
}

func TestOneCallerAtATime(t *testing.T) {
	b := open(t, bubble.Config{})
	require.NoError(t, b.Do(func() {
		require.ErrorContains(t, b.Do(func() {}), "one caller at a time")
		require.ErrorContains(t, b.Close(0), "one caller at a time")
	}))
	require.NoError(t, b.Close(0))
}

func TestNoBubbleInABubble(t *testing.T) {
	b := open(t, bubble.Config{})
	require.NoError(t, b.Do(func() {
		_, err := bubble.Open(bubble.Config{})
		require.ErrorContains(t, err, "the runtime refuses it")
	}))
	require.NoError(t, b.Close(0))
}

// TestManyAtOnce runs 500 bubbles side by side. Each lives through a virtual day, and every tenth one
// leaks: no bubble may see another's goroutines.
func TestManyAtOnce(t *testing.T) {
	errs := make([]error, 500)
	var wg sync.WaitGroup
	for i := range errs {
		wg.Go(func() {
			b, err := bubble.Open(bubble.Config{})
			if err == nil {
				err = b.Do(func() {
					if i%10 == 0 {
						go func() { select {} }()
					}
					time.Sleep(24 * time.Hour)
				})
			}
			errs[i] = errors.Join(err)
			if err == nil {
				errs[i] = b.Close(time.Minute)
			}
		})
	}
	wg.Wait()
	for i, err := range errs {
		if i%10 != 0 {
			require.NoError(t, err)
			continue
		}
		var leak *bubble.LeakError
		require.ErrorAs(t, err, &leak)
		require.Len(t, leak.Goroutines, 1)
	}
}
