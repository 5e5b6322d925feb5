package bubble

import (
	"runtime/debug"
	"time"
)

// step is one function on its way into the bubble. Its channels are made outside.
type step struct {
	f        func()
	returned chan error    // one value: how f ended
	settled  chan struct{} // closed when nothing at that instant is left to do
}

// result is how f ended, if it has: a step that panicked may freeze the bubble afterwards.
func (s step) result() error {
	select {
	case err := <-s.returned:
		return err
	default:
		return nil
	}
}

// settling is how much virtual time shows that all else has come to rest: a sleep ends only when every
// other goroutine is durably blocked.
const settling = time.Nanosecond

// serve is the bubble's main goroutine. It runs one step after the other until there are no more.
func (b *Bubble) serve() {
	for s := range b.steps {
		over := make(chan struct{}) // made inside: time passes while we wait for it
		go func() {
			defer close(over)
			guard(s)
		}()
		<-over
		time.Sleep(settling)
		close(s.settled)
	}
}

// guard runs a step's function in a goroutine that may die.
func guard(s step) {
	normal := false
	defer func() {
		if normal {
			s.returned <- nil
			return
		}
		v := recover() // nil: runtime.Goexit
		s.returned <- &PanicError{Value: v, Stack: string(debug.Stack())}
	}()
	s.f()
	normal = true
}
