package sim

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Script is what happens to a link in the course of time: phases that change some of its settings, for a
// while or for good. ParseScript reads one.
type Script struct{ phases []phase }

// phase changes settings at a time.
type phase struct {
	at   time.Duration
	last time.Duration // how long; 0: for good
	set  []setting
}

type setting func(*LinkConfig)

// ParseScript reads a script, a phase a line:
//
//	at 30s: loss 20% for 10s
//	at 1 min: down
//	at 2 min: up, delay 200ms, jitter 50ms reordered
//	at 5 min: rate 2 Mbit, queue 32 kB for 1 min
//
// What can be set: delay, jitter (in order, or "reordered"), loss, "burst 2% 30%" (the chances that a burst of
// losses begins and ends), duplicate, damage, rate (bit, kbit, Mbit, Gbit a second), queue (B, kB, MB), down and
// up, hold and release, and clear, which stands for the settings that the link had at first. A phase with "for"
// takes its settings back when it ends. A blank line means nothing, and so does what follows a #.
func ParseScript(text string) (Script, error) {
	var s Script
	for i, line := range strings.Split(text, "\n") {
		line, _, _ = strings.Cut(line, "#")
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		p, err := parsePhase(line)
		if err != nil {
			return Script{}, fmt.Errorf("link script, line %d, %q: %w", i+1, line, err)
		}
		s.phases = append(s.phases, p)
	}
	slices.SortStableFunc(s.phases, func(a, b phase) int { return cmp.Compare(a.at, b.at) })
	return s, nil
}

// At is what becomes of a link's settings some time after the script began.
func (s Script) At(t time.Duration, first LinkConfig) LinkConfig {
	c := first
	for _, p := range s.phases {
		if p.at > t || p.last > 0 && p.at+p.last <= t {
			continue
		}
		for _, set := range p.set {
			if set == nil {
				c = first
			} else {
				set(&c)
			}
		}
	}
	return c
}

// changes is when the settings change.
func (s Script) changes() []time.Duration {
	var at []time.Duration
	for _, p := range s.phases {
		at = append(at, p.at)
		if p.last > 0 {
			at = append(at, p.at+p.last)
		}
	}
	slices.Sort(at)
	return slices.Compact(at)
}

// Play begins a script for both directions of the link; times count from now on. A script that the link
// plays already ends there, and Set ends it too.
func (l *Link) Play(s Script) { l.play(s, l.a, l.b) }

// PlayFrom is Play for the packets that one end sends.
func (l *Link) PlayFrom(from Node, s Script) { l.play(s, l.from(from)) }

func (l *Link) play(s Script, ends ...*nic) {
	n := l.a.net
	n.Do(func() {
		for _, end := range ends {
			now := n.now()
			end.script = &playing{script: s, end: end, start: now, first: end.config, left: s.changes()}
			end.script.tick(now)
		}
	})
}

// playing is a script under way on one direction of a link.
type playing struct {
	script Script
	end    *nic
	start  time.Duration
	first  LinkConfig
	left   []time.Duration // changes to come
}

// tick makes the changes that are due.
func (p *playing) tick(now time.Duration) bool {
	if p.end.script != p {
		return false // another one has taken its place
	}
	due := -1 * time.Nanosecond
	for len(p.left) > 0 && p.start+p.left[0] <= now {
		due = p.left[0]
		p.left = p.left[1:]
	}
	if due >= 0 {
		p.end.net.leavePaths()
		p.end.configure(p.script.At(due, p.first))
	}
	if len(p.left) > 0 {
		p.end.net.plan(event{at: p.start + p.left[0], number: p.end.salt, timer: p})
	}
	return false
}
