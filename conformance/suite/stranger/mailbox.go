package stranger

import "sync"

// mailbox runs what is posted to it, in order, on the one goroutine that calls run. Posting never blocks.
type mailbox struct {
	mu     sync.Mutex
	queue  []func()
	wake   chan struct{}
	closed bool
}

func newMailbox() *mailbox { return &mailbox{wake: make(chan struct{}, 1)} }

func (m *mailbox) post(f func()) {
	m.mu.Lock()
	m.queue = append(m.queue, f)
	m.mu.Unlock()
	select {
	case m.wake <- struct{}{}:
	default:
	}
}

// stop ends run once everything that was posted before has run.
func (m *mailbox) stop() { m.post(func() { m.closed = true }) }

func (m *mailbox) run() {
	for !m.closed {
		m.mu.Lock()
		todo := m.queue
		m.queue = nil
		m.mu.Unlock()
		for _, f := range todo {
			f()
		}
		if len(todo) == 0 {
			<-m.wake
		}
	}
}
