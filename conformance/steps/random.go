package steps

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/proxyspec/proxyspec/conformance/contract"
	"github.com/proxyspec/proxyspec/conformance/decision"
	"github.com/proxyspec/proxyspec/conformance/result"
	"github.com/proxyspec/proxyspec/conformance/runner"
	"github.com/proxyspec/proxyspec/conformance/timeline"
	"github.com/proxyspec/proxyspec/conformance/world"
	"github.com/proxyspec/proxyspec/fakes/sdrtn"
	"github.com/proxyspec/proxyspec/relay"
)

// randomSteps are for worlds that chance has made: whatever happens in one, some rules hold.
func (s *scene) randomSteps() []runner.Definition {
	return []runner.Definition{
		{
			Expr: `^alice begins (` + oneCall + `)$`,
			Do:   s.begin,
			Says: "Makes the call, and doesn't wait for it.",
		},
		{
			Expr: `^((?:relay|edge|gateway)-\d) (stops|goes off the network)$`,
			Do: func(server, how string) error {
				if err := s.world.Up(); err != nil { // what doesn't run yet can't stop
					return err
				}
				return s.fail(server, how)
			},
			Says: "One that stops closes its connections; one that goes off the network falls silent.",
		},
		{
			Expr: `^((?:relay|edge|gateway)-\d) is back on the network$`,
			Do:   func(host string) error { return s.world.Mend(host) },
			Says: "After it went off. One that stopped stays down.",
		},
		{
			Expr: `^(relay-\d) starts again$`,
			Do: func(relay string) error {
				if err := s.world.Up(); err != nil {
					return err
				}
				return s.world.Restart(relay)
			},
			Says: "After it stopped, without anything of what it had. One that runs goes on.",
		},
		{
			Expr: `^alice leaves with every client, and every rule that holds in any world was kept$`,
			Do:   s.holdsAnywhere,
			Says: "Waits until all is torn down, and looks at the whole of what happened: nothing direct while the cloud proxy is set and nothing through it while it is not, nothing but lookups before the answer, the decision table, joins that end in time, messages once or their loss reported, nothing sent or left behind after the end. What fails names its requirement.",
		},
	}
}

func (s *scene) begin(call string) error {
	u, err := s.user(world.Alice)
	if err != nil {
		return err
	}
	if call[:4] == contract.MethodJoin {
		if err := s.initOnce(u); err != nil {
			return err
		}
	}
	_, err = s.beginCall(u, call)
	return err
}

// expiry is longer than an allocation lives that nobody can give back, because its relay can't be reached.
const expiry = 11 * time.Minute

func (s *scene) holdsAnywhere() error {
	u, err := s.user(world.Alice)
	if err != nil {
		return err
	}
	if s.clients[first] == "" {
		s.clients[first] = u.Client()
	}
	time.Sleep(s.world.Limits.Join) // for what was begun and not waited for
	courses := s.courses()
	for _, name := range []string{first, "second", "third"} {
		if s.clients[name] == "" {
			continue
		}
		u.Use(s.clients[name])
		if err := s.leave(world.Alice); err != nil {
			return err
		}
	}
	left := s.world.Timeline.Add(timeline.Event{Kind: timeline.KindWorld, Actor: "suite", Name: "alice has left"})
	time.Sleep(s.world.Limits.Teardown + s.world.Limits.Watch)
	if s.troubled() {
		if err := s.othersLeave(); err != nil {
			return err
		}
		time.Sleep(expiry)
	}
	for _, holds := range []func(map[string]*history) error{
		s.joinsEnd, s.byTable, s.neverDirect, s.neverProxied, s.edgesFirst, s.fewLookups, s.messagesOnce,
	} {
		if err := holds(courses); err != nil {
			return err
		}
	}
	if err := s.quietSince(left); err != nil {
		return err
	}
	return s.nothingRemains()
}

// othersLeave ends the calls of everybody but alice: a long wait for the end of what is hers needn't be full of their media.
func (s *scene) othersLeave() error {
	gone := map[string]bool{world.Alice: true}
	for _, e := range s.find(kind(timeline.KindCall), named(contract.MethodJoin)) {
		if gone[e.Actor] {
			continue
		}
		gone[e.Actor] = true
		if err := s.leave(e.Actor); err != nil {
			return err
		}
	}
	return nil
}

// troubled tells whether anything in this world stands in the way of what alice does.
func (s *scene) troubled() bool { return s.loss > 0 || len(s.troubles()) > 0 }

// troubles is what was done to this world.
func (s *scene) troubles() []timeline.Event {
	return s.find(kind(timeline.KindWorld), named(world.EventStopped, world.EventCut, world.EventForgotten, world.EventRebound, world.EventPolicy))
}

// broke is the failure that a rule was not kept: when, by the number of an event, and by the events that prove it.
func broke(requirement, message, expected, actual string, decides int, events ...timeline.Event) error {
	events = slices.DeleteFunc(events, func(e timeline.Event) bool { return e.Seq == 0 }) // the end of what hasn't ended
	return &result.Failure{Message: requirement + ": " + message, Expected: expected, Actual: actual, Events: few(events), Decides: decides}
}

func (s *scene) joinsEnd(all map[string]*history) error {
	limit := s.world.Limits.Join
	for _, h := range ordered(all) {
		for i, j := range h.calls {
			if j.call.Name != contract.MethodJoin {
				continue
			}
			if j.end.Seq != 0 && j.end.At-j.call.At <= limit {
				continue
			}
			if slices.ContainsFunc(h.calls[i:], func(o judged) bool { return o.call.Name == contract.MethodLeave }) && j.end.Seq != 0 {
				continue // what a join says that was left isn't ruled
			}
			return broke("CP-FLOW-09", "a join neither succeeded nor failed in time", fmt.Sprintf("within %v", limit), "it did not", j.end.Seq, j.call, j.end)
		}
	}
	return nil
}

func (s *scene) byTable(all map[string]*history) error {
	for _, h := range ordered(all) {
		for _, j := range h.calls {
			if j.is.Level != decision.Must || j.end.Seq != 0 && (j.end.Code != "") == j.is.Error {
				continue
			}
			how := map[bool]string{true: "an error", false: "normally"}
			actual := how[j.end.Code != ""]
			if j.end.Seq == 0 {
				actual = "nothing"
			}
			return broke("CP-API-30", j.call.Name+" didn't go by the decision table", "it returns "+how[j.is.Error], "it returned "+actual, j.call.Seq, s.fourOf(h, j)...)
		}
	}
	return nil
}

func (s *scene) neverDirect(all map[string]*history) error {
	for _, h := range ordered(all) {
		for _, p := range h.proxied {
			within := []test{after(p.from.Seq), until(p.until.Seq)}
			past := s.find(append(within, kind(timeline.KindSDRTN), about(h.uid), not(fromRole(world.Relay)), func(e *timeline.Event) bool { return e.From.IsValid() },
				named(usersDoing...))...)
			if len(all) == 1 && s.firstJoin(h, p) { // whose packets they are is certain
				past = append(past, s.find(append(within, atWall, from(s.aliceAddr()), toRole(world.Gateway))...)...)
			}
			if len(past) > 0 {
				return broke("CP-FLOW-04", "SD-RTN was sent something past the cloud proxy",
					"in a proxied call everything comes from relays", fmt.Sprintf("%d packets or events, the first from %s", len(past), s.world.NameOf(past[0].From.Addr())), firstOf(past), append([]timeline.Event{p.from}, past...)...)
			}
		}
	}
	return nil
}

// neverProxied judges calls without a proxy that no earlier call of alice's can reach into.
func (s *scene) neverProxied(all map[string]*history) error {
	for _, h := range ordered(all) {
		for _, p := range h.direct {
			if !s.apart(all, p) {
				continue
			}
			within := []test{after(p.from.Seq), until(p.until.Seq)}
			through := s.find(append(within, kind(timeline.KindSDRTN), about(h.uid), fromRole(world.Relay), named(usersDoing...))...)
			if len(all) == 1 && len(s.find(by(world.Alice), kind(timeline.KindCall), named(contract.MethodStartProxyServer), until(p.until.Seq))) == 0 {
				through = append(through, s.find(append(within, atWall, from(s.aliceAddr()), toRole(world.Edge, world.Relay))...)...)
			}
			if len(through) > 0 {
				return broke("CP-FLOW-14", "a call without a proxy went through the cloud proxy", "in a direct call nothing is sent to edges or relays",
					fmt.Sprintf("%d packets or events", len(through)), firstOf(through), append([]timeline.Event{p.from}, through...)...)
			}
		}
	}
	return nil
}

func (s *scene) edgesFirst(all map[string]*history) error {
	if len(all) != 1 {
		return nil // whose lookup it was isn't certain
	}
	for _, h := range all {
		for _, p := range h.proxied {
			if !s.firstJoin(h, p) {
				continue
			}
			answer := p.until.Seq
			if a := s.looked(named(relay.EventLookupAnswered), after(p.from.Seq)); len(a) > 0 {
				answer = min(answer, a[0].Seq)
			}
			early := s.find(atWall, from(s.aliceAddr()), after(p.from.Seq), until(answer), not(toRole(world.Edge)))
			if len(early) > 0 {
				return broke("CP-FLOW-03", "alice contacted others before the lookup was answered", "lookups alone",
					fmt.Sprintf("%d packets to %s", len(early), s.destinations(early)), firstOf(early), append([]timeline.Event{p.from}, early...)...)
			}
			if i := slices.IndexFunc(h.calls, func(j judged) bool { return j.call.Seq == p.from.Seq }); h.calls[i].end.Seq != 0 && h.calls[i].end.Code == "" &&
				len(s.looked(named(relay.EventLookupAnswered), after(p.from.Seq), until(h.calls[i].end.Seq))) == 0 {
				return s.unlessOwnLookup(&result.Failure{
					Message: "CP-FLOW-01: a proxied join succeeded without an answered lookup", Expected: "a lookup", Actual: "none was answered",
					Events: []timeline.Event{p.from, h.calls[i].end}})
			}
		}
	}
	return nil
}

// fewLookups counts all joins together: whose lookup it was isn't always certain. After a trouble there may be more.
func (s *scene) fewLookups(all map[string]*history) error {
	joins := 0
	for _, h := range all {
		for _, j := range h.calls {
			if j.call.Name == contract.MethodJoin {
				joins++
			}
		}
	}
	made := s.looked(named(relay.EventLookupReceived))
	if most := s.world.Limits.Lookups * (joins + joins*len(s.troubles())); len(made) > most {
		return broke("CP-FLOW-11", "too many lookups", fmt.Sprintf("at most %d for %d joins", most, joins), fmt.Sprintf("%d", len(made)), firstOf(made[most:]), made[most:]...)
	}
	return nil
}

// messagesOnce judges alice's messages at SD-RTN by what they say: none that she didn't send, none twice, and none
// missing without a word.
func (s *scene) messagesOnce(all map[string]*history) error {
	arrived := s.find(kind(timeline.KindSDRTN), named(sdrtn.EventMessageIn)) // nobody else sends any
	got := map[string]int{}
	for _, e := range arrived {
		got[e.Digest]++
	}
	sent := map[string]int{}
	for _, text := range s.said[world.Alice] {
		sent[world.Digest(text)]++
	}
	for _, e := range arrived {
		if n, most := got[e.Digest], sent[e.Digest]; n > most {
			return broke("CP-FLOW-06", "SD-RTN got a message that alice did not send, or more often than she sent it",
				fmt.Sprintf("%d times", most), fmt.Sprintf("%d times", n), 0,
				filter(arrived, func(o *timeline.Event) bool { return o.Digest == e.Digest })...)
		}
	}
	told := s.find(by(world.Alice), kind(timeline.KindNotice), func(e *timeline.Event) bool {
		return e.Name == contract.EventError || e.Name == contract.EventWarning ||
			e.Name == contract.EventState && e.Detail != contract.StateConnected && e.Detail != contract.StateConnecting && e.Detail != contract.StateDisconnecting
	})
	for _, h := range ordered(all) {
		in := false
		for i, j := range h.calls {
			switch {
			case j.call.Name == contract.MethodJoin:
				in = in || j.end.Seq != 0 && j.end.Code == ""
			case j.call.Name == contract.MethodLeave:
				in = false
			case j.call.Name == contract.MethodSend && in && j.end.Seq != 0 && j.end.Code == "":
				var p contract.Send
				if json.Unmarshal([]byte(j.call.Detail), &p) != nil || got[world.Digest(p.Text)] > 0 || s.troubled() && len(told) > 0 {
					continue
				}
				if next := h.calls[i+1:]; len(next) > 0 && next[0].call.At-j.end.At < settling || s.troubled() {
					continue // she may have left before it was out, or nobody has noticed the trouble yet
				}
				return broke("CP-FLOW-06", "a message was lost, and nobody was told", "SD-RTN gets it once, or its loss is reported", "neither", j.end.Seq, j.call, j.end)
			}
		}
	}
	return nil
}

// quietSince judges what alice sends once she has left. Where packets get lost, an operating system repeats the end of a
// connection for minutes: there it is only what isn't of a TCP connection that she had before.
func (s *scene) quietSince(left timeline.Event) error {
	tests := []test{atWall, from(s.aliceAddr()), toRole(world.Edge, world.Relay, world.Gateway, world.Company)}
	late := s.find(append(tests, later(left, s.world.Limits.Teardown))...)
	if s.troubled() {
		type connection struct{ from, to netip.AddrPort }
		old := map[connection]bool{}
		for _, e := range s.find(append(tests, until(left.Seq))...) {
			if e.Proto == "TCP" {
				old[connection{e.From, e.To}] = true
			}
		}
		late = filter(late, func(e *timeline.Event) bool { return e.Proto != "TCP" || !old[connection{e.From, e.To}] })
	}
	if len(late) == 0 {
		return nil
	}
	return broke("CP-SEQ-06", "alice sent packets long after she had left", fmt.Sprintf("none from %v on", s.world.Limits.Teardown),
		fmt.Sprintf("%d packets to %s", len(late), s.destinations(late)), firstOf(late), append([]timeline.Event{left}, late...)...)
}

func (s *scene) nothingRemains() error {
	for _, c := range held {
		begun := s.find(kind(timeline.KindProxy), named(c.begun))
		over := s.find(kind(timeline.KindProxy), named(c.over))
		if len(begun) != len(over) {
			return broke("CP-SEQ-04", "alice's calls left "+c.what+" behind", "as many ended as began", fmt.Sprintf("%d began, %d ended", len(begun), len(over)), firstOf(begun), begun...)
		}
	}
	return nil
}

// looked is the lookups of this world: nobody but alice makes any. A NAT may stand between her and the edges.
func (s *scene) looked(tests ...test) []timeline.Event {
	return s.find(append(tests, kind(timeline.KindProxy))...)
}
