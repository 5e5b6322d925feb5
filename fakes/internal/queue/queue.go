// Package queue is an unbounded first-in, first-out queue between goroutines.
//
// Put never blocks, so it may be called with a lock held, and by callers that must not wait for I/O: a
// writer of a network connection takes what they put. Order is that of the Puts.
package queue

import (
	"context"
	"sync"
)

// Queue holds values for one goroutine that takes them.
type Queue[T any] struct {
	mu     sync.Mutex
	values []T
	wake   chan struct{} // capacity 1: there may be values
}

// New makes an empty queue.
func New[T any]() *Queue[T] { return &Queue[T]{wake: make(chan struct{}, 1)} }

// Put adds a value.
func (q *Queue[T]) Put(v T) {
	q.mu.Lock()
	q.values = append(q.values, v)
	q.mu.Unlock()
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// Wake receives when there may be values to Drain.
func (q *Queue[T]) Wake() <-chan struct{} { return q.wake }

// Drain takes all values that there are, perhaps none.
func (q *Queue[T]) Drain() []T {
	q.mu.Lock()
	defer q.mu.Unlock()
	values := q.values
	q.values = nil
	return values
}

// Take waits for values and takes all that there are, or none once ctx has ended.
func (q *Queue[T]) Take(ctx context.Context) []T {
	for ctx.Err() == nil {
		if values := q.Drain(); len(values) > 0 {
			return values
		}
		select {
		case <-q.wake:
		case <-ctx.Done():
		}
	}
	return nil
}
