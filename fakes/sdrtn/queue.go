package sdrtn

import (
	"context"
	"sync"
)

// queue holds the frames for one connection in order. put never blocks, so that it may be called with the
// backbone locked; a connection that doesn't take its frames is ended by its pings.
type queue struct {
	mu     sync.Mutex
	frames []outgoing
	wake   chan struct{} // capacity 1: there may be frames
}

// outgoing is a frame to a client. Of a message, to is the user who gets it.
type outgoing struct {
	Frame
	to *user
}

func newQueue() *queue { return &queue{wake: make(chan struct{}, 1)} }

func (q *queue) put(f outgoing) {
	q.mu.Lock()
	q.frames = append(q.frames, f)
	q.mu.Unlock()
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// take waits for frames and returns all there are, or none once ctx has ended.
func (q *queue) take(ctx context.Context) []outgoing {
	for {
		q.mu.Lock()
		frames := q.frames
		q.frames = nil
		q.mu.Unlock()
		if len(frames) > 0 {
			return frames
		}
		select {
		case <-q.wake:
		case <-ctx.Done():
			return nil
		}
	}
}
