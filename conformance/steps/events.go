package steps

import (
	"net/netip"
	"slices"
	"time"

	"github.com/proxyspec/proxyspec/conformance/timeline"
	"github.com/proxyspec/proxyspec/conformance/world"
	"github.com/proxyspec/proxyspec/sim/firewall"
)

// test is a condition on an event, which it must not change.
type test func(*timeline.Event) bool

// find is the events that meet every condition, in order.
func (s *scene) find(tests ...test) []timeline.Event {
	return filter(s.world.Timeline.Events(), tests...)
}

// filter is those of some events that meet every condition.
func filter(events []timeline.Event, tests ...test) (found []timeline.Event) {
next:
	for i := range events {
		for _, ok := range tests {
			if !ok(&events[i]) {
				continue next
			}
		}
		found = append(found, events[i])
	}
	return found
}

func kind(k timeline.Kind) test { return func(e *timeline.Event) bool { return e.Kind == k } }

func named(names ...string) test {
	return func(e *timeline.Event) bool {
		for _, n := range names {
			if e.Name == n {
				return true
			}
		}
		return false
	}
}

func by(actor string) test        { return func(e *timeline.Event) bool { return e.Actor == actor } }
func about(user string) test      { return func(e *timeline.Event) bool { return e.User == user } }
func after(seq int) test          { return func(e *timeline.Event) bool { return e.Seq > seq } }
func until(seq int) test          { return func(e *timeline.Event) bool { return e.Seq < seq } }
func from(a netip.Addr) test      { return func(e *timeline.Event) bool { return e.From.Addr() == a } }
func to(a netip.Addr) test        { return func(e *timeline.Event) bool { return e.To.Addr() == a } }
func media(m string) test         { return func(e *timeline.Event) bool { return e.Media == m } }
func purpose(p string) test       { return func(e *timeline.Event) bool { return e.Purpose == p } }
func session(name string) test    { return func(e *timeline.Event) bool { return e.Session == name } }
func not(t test) test             { return func(e *timeline.Event) bool { return !t(e) } }
func either(a, b test) test       { return func(e *timeline.Event) bool { return a(e) || b(e) } }
func toRole(r ...world.Role) test { return func(e *timeline.Event) bool { return has(r, e.To.Addr()) } }
func fromRole(r ...world.Role) test {
	return func(e *timeline.Event) bool { return has(r, e.From.Addr()) }
}

func has(roles []world.Role, a netip.Addr) bool {
	is := world.RoleOf(a)
	for _, r := range roles {
		if r == is {
			return true
		}
	}
	return false
}

// icmpError is ICMP about packets that came: what a computer says of a socket that an SDK has closed, and no SDK's doing.
func icmpError(e *timeline.Event) bool {
	return e.Proto == firewall.ICMP.String() && e.Rule == firewall.RuleRelated
}

// bareACK is a segment of TCP with nothing in it: so a computer asks whether a connection is still there that an SDK keeps, such
// as one that was made for a lookup, and was never told that it isn't.
func bareACK(e *timeline.Event) bool {
	const headers = 60 // of IPv4 and TCP with a timestamp, and then some
	return e.Proto == firewall.TCP.String() && e.Flags == "ACK" && e.Length <= headers
}

// atWall is packets at the office's firewall.
func atWall(e *timeline.Event) bool { return e.Kind == timeline.KindPacket && e.Actor == "firewall" }

// heard is the first packets that SD-RTN's gateways got from each source.
func heard(e *timeline.Event) bool { return e.Kind == timeline.KindPacket && e.Name == "heard" }

// settling is how long a step waits for what is under way: many round trips of the longest path.
const settling = 2 * time.Second

// arriving is how long SD-RTN may take to hear of what an SDK says it has done: a camera takes seconds to start, and ICE
// to find out that a server is silent.
const arriving = 10 * time.Second

// await looks for events that are about to come: again and again until there are some, or they are too late.
func (s *scene) await(look func() []timeline.Event) []timeline.Event {
	return s.awaitFor(arriving, look)
}

// finest is the first pause between two looks, which are never at the instants of others' timers.
const finest = 10*time.Millisecond + 77*time.Microsecond

// awaitFor looks again and again, ever more seldom, until there is something or the limit is over.
func (s *scene) awaitFor(limit time.Duration, look func() []timeline.Event) (found []timeline.Event) {
	pause := finest
	for began := time.Now(); time.Since(began) < limit; pause += pause / 20 {
		if found = look(); len(found) > 0 {
			break
		}
		time.Sleep(pause)
	}
	return found
}

// few is the first of many events: as many as a reader of a failure looks at. What is appended to them overwrites none.
func few(events []timeline.Event) []timeline.Event { return slices.Clip(events[:min(len(events), 8)]) }

// firstOf is the number of the earliest of some events that are wrong: what decided. 0: there are none.
func firstOf(events []timeline.Event) (seq int) {
	for _, e := range events {
		if seq == 0 || e.Seq < seq {
			seq = e.Seq
		}
	}
	return seq
}
