// Package tasks keeps count of goroutines that somebody must wait for.
//
// It differs from sync.WaitGroup in one thing: once Wait has begun nothing is added any more, so callbacks
// of a library may start work at any time, even while their owner is closing.
package tasks

import "sync"

// Group is a set of tasks. Its zero value is ready to use.
type Group struct {
	mu     sync.Mutex
	wg     sync.WaitGroup
	closed bool
}

// Go runs f in a goroutine of its own. It reports whether it did.
func (g *Group) Go(f func()) bool {
	if !g.add() {
		return false
	}
	go func() {
		defer g.wg.Done()
		f()
	}()
	return true
}

// Run runs f in the calling goroutine. It reports whether it did.
func (g *Group) Run(f func()) bool {
	if !g.add() {
		return false
	}
	defer g.wg.Done()
	f()
	return true
}

func (g *Group) add() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.closed {
		g.wg.Add(1)
	}
	return !g.closed
}

// Wait takes no more tasks and waits for those that there are.
func (g *Group) Wait() {
	g.mu.Lock()
	g.closed = true
	g.mu.Unlock()
	g.wg.Wait()
}
