package load

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Text is the report for people.
func (r *Report) Text() string {
	var b strings.Builder
	line := func(what, format string, args ...any) {
		fmt.Fprintf(&b, "  %-10s"+format+"\n", append([]any{what}, args...)...)
	}
	p := r.Plan
	fmt.Fprintf(&b, "%s of %s on %s", plural(p.Users, "user"), plural(p.Enterprises, "enterprise"), plural(p.Relays, "relay"))
	if p.Capacity > 0 {
		fmt.Fprintf(&b, " with %s each", bits(p.Capacity))
	}
	fmt.Fprintf(&b, "; seed %d", p.Seed)
	if p.Shard.Count > 0 {
		fmt.Fprintf(&b, ", shard %v", p.Shard)
	}
	b.WriteString("\n")

	if r.Join.Count() == 0 {
		line("joined", "%d", r.Joined)
	} else {
		line("joined", "%d; half of them within %v, 90 of 100 within %v, 99 within %v, the last after %v", r.Joined,
			r.Join.Percentile(50), r.Join.Percentile(90), r.Join.Percentile(99), r.Join.Percentile(100))
	}
	for _, name := range slices.Sorted(maps.Keys(r.Failed)) {
		line("failed", "%d: %s", r.Failed[name], name)
	}
	for _, name := range slices.Sorted(maps.Keys(r.Refusals)) {
		line("refused", "%d: %s", r.Refusals[name], name)
	}
	switch {
	case r.Reconnect.Count() > 0:
		line("lost", "%d calls, of which %d were taken up again: half within %v, 99 of 100 within %v", r.Lost, r.Rejoined,
			r.Reconnect.Percentile(50), r.Reconnect.Percentile(99))
	case r.Lost > 0:
		line("lost", "%d calls, of which none was taken up again", r.Lost)
	}
	line("media", "%d packets sent%s, %d came back (%.2f %% lost); relays took %d, passed on %d and dropped %d",
		r.Media.Sent, p.Bursts(), r.Media.Returned, 100*r.Media.Loss(), r.Media.In, r.Media.Out, r.Media.Dropped)
	if p.WebRTC > 0 {
		line("WebRTC", "%d RTP packets sent by %d users, %d came to the other one (some are on their way at either end)", r.WebRTC.Sent, p.WebRTC, r.WebRTC.Returned)
	}
	line("messages", "%d sent, %d delivered, %d received", r.Messages.Sent, r.Messages.Delivered, r.Messages.Received)
	line("memory", "%d KB a user, %d goroutines in all; %d MB taken from the system", r.PerUser()/1000, r.Memory.Goroutines, r.Memory.System/1_000_000)
	line("speed", "%.0f relayed packets a second, %v of processor time each; %.2f s of virtual time in a second",
		r.Holding.Rate(), r.Holding.Cost().Round(100*time.Nanosecond), r.Holding.Ratio())
	return b.String()
}

// Text is the knee for people.
func (k *Knee) Text() string {
	var b strings.Builder
	for _, t := range k.Tried {
		fmt.Fprintf(&b, "%8d users: %s\n", t.Users, said(t.Missed))
	}
	switch {
	case k.Users == 0:
		fmt.Fprintf(&b, "no knee: even %d users are too many\n", k.Tried[0].Users)
	case k.Most:
		fmt.Fprintf(&b, "no knee up to %d users\n", k.Users)
	default:
		fmt.Fprintf(&b, "the knee is at %d users\n", k.Users)
	}
	if k.Best != nil {
		b.WriteString(k.Best.Text())
	}
	return b.String()
}

func said(missed []string) string {
	if len(missed) == 0 {
		return "served well"
	}
	return strings.Join(missed, "; ")
}

// Bursts is how packets follow each other, to go behind their number; empty if each goes alone.
func (p Plan) Bursts() string {
	if p.Burst < 2 {
		return ""
	}
	return fmt.Sprintf(" in bursts of %d", p.Burst)
}

func bits(n int64) string {
	switch {
	case n%1_000_000 == 0:
		return fmt.Sprintf("%d Mbit/s", n/1_000_000)
	case n%1000 == 0:
		return fmt.Sprintf("%d kbit/s", n/1000)
	}
	return fmt.Sprintf("%d bit/s", n)
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
