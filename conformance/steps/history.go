package steps

import (
	"encoding/json"
	"math"
	"slices"

	"github.com/proxyspec/proxyspec/conformance/contract"
	"github.com/proxyspec/proxyspec/conformance/decision"
	"github.com/proxyspec/proxyspec/conformance/timeline"
	"github.com/proxyspec/proxyspec/conformance/world"
)

// history is what is known of one client of alice's: its calls, and what the decision table says of them.
type history struct {
	uid   string
	calls []judged
	// proxied is from when until when its calls are by way of the cloud proxy for certain, direct when they are not.
	proxied, direct []stretch
}

type judged struct {
	call, end timeline.Event // end: the zero value if there is none
	is        decision.Expectation
}

type stretch struct {
	from, until timeline.Event
	direct      bool
}

func (h *history) add(s stretch, until timeline.Event) {
	s.until = until
	if s.direct {
		h.direct = append(h.direct, s)
	} else {
		h.proxied = append(h.proxied, s)
	}
}

// forAll is the Seq of no event.
const forAll = math.MaxInt

// courses takes the clients through the calls of the timeline, by the order in which calls began and ended.
func (s *scene) courses() map[string]*history {
	all := map[string]*history{}
	table := map[string]*decision.Course{}
	joining := map[string]int{} // joins under way
	inside := map[string]bool{} // after a join that succeeded, until a leave did
	ends := map[int]timeline.Event{}
	for _, e := range s.find(kind(timeline.KindResult), by(world.Alice)) {
		ends[e.Call] = e
	}
	of := map[int]string{}         // the client of a call
	joined := map[string]stretch{} // the join that a client is in, if it is certain how
	for _, e := range s.find(by(world.Alice)) {
		switch e.Kind {
		case timeline.KindCall:
			var p contract.Join
			if json.Unmarshal([]byte(e.Detail), &p) != nil || p.Client == "" {
				continue
			}
			h := all[p.Client]
			if h == nil {
				h = &history{uid: world.Alice}
				all[p.Client], table[p.Client] = h, decision.NewCourse()
			}
			if e.Name == contract.MethodJoin && p.UID != "" { // a subscription names another's
				h.uid = p.UID
			}
			of[e.Call] = p.Client
			one := judged{call: e, end: ends[e.Call]}
			if i := slices.IndexFunc(decision.Calls, func(c decision.Call) bool { return c.String() == e.Name }); i >= 0 {
				course := table[p.Client]
				one.is = course.Call(decision.Calls[i], joining[p.Client] > 0)
				switch open, in := joined[p.Client]; {
				case e.Name == contract.MethodJoin && !in && (course.Cloud() || course.Direct()):
					joined[p.Client] = stretch{from: e, direct: course.Direct()}
				case in && (e.Name == contract.MethodLeave || open.direct && isSet(e.Name)): // a set changes nothing, but that is a SHOULD
					h.add(open, e)
					delete(joined, p.Client)
				}
				if e.Name == contract.MethodJoin {
					joining[p.Client]++
				}
			}
			h.calls = append(h.calls, one)
		case timeline.KindResult:
			client := of[e.Call]
			if client == "" {
				continue
			}
			switch {
			case e.Name == contract.MethodJoin:
				joining[client]--
				if e.Code == "" {
					inside[client] = true
				} else if joining[client] == 0 && !inside[client] {
					table[client].Failed()
					if open, in := joined[client]; in {
						all[client].add(open, e)
						delete(joined, client)
					}
				}
			case e.Name == contract.MethodLeave:
				if e.Code == "" {
					inside[client] = false
				}
				if joining[client] == 0 {
					table[client].Outside()
				}
			}
		}
	}
	for client, open := range joined {
		all[client].add(open, timeline.Event{Seq: forAll})
	}
	return all
}

func isSet(call string) bool {
	return call == decision.SetProxy.String() || call == decision.SetTurn.String()
}

// fourOf is the calls of a client up to one, for a reader to see why.
func (s *scene) fourOf(h *history, last judged) (calls []timeline.Event) {
	for _, j := range h.calls {
		if j.call.Seq <= last.call.Seq {
			calls = append(calls, j.call)
		}
	}
	return calls[max(0, len(calls)-8):]
}

// firstJoin tells whether nothing of an earlier call can be under way.
func (s *scene) firstJoin(h *history, p stretch) bool {
	return !slices.ContainsFunc(h.calls, func(j judged) bool { return j.call.Name == contract.MethodJoin && j.call.Seq < p.from.Seq })
}

// apart tells whether every earlier call was left, and had the time that its teardown may take.
func (s *scene) apart(all map[string]*history, p stretch) bool {
	for _, h := range all {
		in := false
		for _, j := range h.calls {
			if j.call.Seq >= p.from.Seq {
				break
			}
			switch j.call.Name {
			case contract.MethodJoin:
				in = true
			case contract.MethodLeave:
				in = in && (j.end.Seq == 0 || j.end.Code != "" || p.from.At-j.end.At < s.world.Limits.Teardown)
			}
		}
		if in {
			return false
		}
	}
	return true
}

// ordered is histories by who joined.
func ordered(all map[string]*history) []*history {
	var list []*history
	for _, h := range all {
		list = append(list, h)
	}
	slices.SortFunc(list, func(a, b *history) int { return a.calls[0].call.Seq - b.calls[0].call.Seq })
	return list
}
