package crowd

import (
	"context"
	"sync"
	"time"
)

// pacer has the media of all users sent, each at its time. It is one goroutine with one timer: to wake a goroutine for
// each packet, by a timer of thousands, costs a world as much as the packet itself. Packets leave on the millisecond, as
// those of programs do: so there are instants at which many users' move, and what an instant costs is theirs together.
type pacer struct {
	every  time.Duration // from one beat of a user to the next
	packet []byte        // of whoever sends

	mu    sync.Mutex
	beats []beat        // the next one first: all come equally often, so whoever had one is the last to have another
	first chan struct{} // capacity 1: there is a beat, and was none
}

// beat is when a user sends.
type beat struct {
	at   time.Time
	user *user
	stay *stay
}

func newPacer(every time.Duration, payload int) *pacer {
	return &pacer{every: every, packet: frame(payload), first: make(chan struct{}, 1)}
}

// add has a user send from now on, until its stay is quiet.
func (p *pacer) add(u *user, s *stay) {
	p.push(beat{time.Now().Add(p.every), u, s})
}

func (p *pacer) push(b beat) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.beats = append(p.beats, b); len(p.beats) == 1 {
		select {
		case p.first <- struct{}{}:
		default:
		}
	}
}

// pop takes the next beat.
func (p *pacer) pop() (b beat, any bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.beats) == 0 {
		return beat{}, false
	}
	b, p.beats = p.beats[0], p.beats[1:]
	return b, true
}

// run serves the users until ctx ends.
func (p *pacer) run(ctx context.Context) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		b, any := p.pop()
		if !any {
			select {
			case <-p.first:
				continue
			case <-ctx.Done():
				return nil
			}
		}
		if wait := time.Until(b.at.Truncate(time.Millisecond)); wait > 0 {
			timer.Reset(wait)
			select {
			case <-timer.C:
			case <-ctx.Done():
				return nil
			}
		}
		if b.stay.quiet.Load() {
			continue
		}
		b.user.beat(b.stay, p.packet, p.every)
		b.at = b.at.Add(p.every)
		p.push(b)
	}
}
