package sim

import (
	"sync"
	"time"
)

// deadline is a read or write deadline of a socket; the socket's lock protects it.
type deadline struct {
	at    time.Time
	timer *time.Timer
}

// set replaces the deadline and wakes whoever waits, now and when it passes.
func (d *deadline) set(at time.Time, cond *sync.Cond) {
	if d.timer != nil {
		d.timer.Stop()
		d.timer = nil
	}
	d.at = at
	if wait := time.Until(at); !at.IsZero() && wait > 0 {
		d.timer = time.AfterFunc(wait, func() {
			cond.L.Lock()
			defer cond.L.Unlock()
			cond.Broadcast()
		})
	}
	cond.Broadcast()
}

func (d *deadline) stop() {
	if d.timer != nil {
		d.timer.Stop()
		d.timer = nil
	}
}

func (d *deadline) passed() bool { return !d.at.IsZero() && !time.Now().Before(d.at) }
