package firewall

import (
	"fmt"
	"time"
)

// Explain says in words what Decide would do with a packet, and why. It changes nothing.
func (f *Firewall) Explain(now time.Time, p Packet) (Verdict, string) {
	p.Src, p.Dst = plain(p.Src), plain(p.Dst)
	v, fl := f.consider(now, p)
	text := fmt.Sprintf("%v %v > %v, %v: %v by ", p.Proto, p.Src, p.Dst, p.Direction, v.Action)
	switch v.Rule {
	case RuleDefault:
		text += fmt.Sprintf("the default of policy %q: none of its %d rules matches", f.policy.ID, len(f.policy.Rules))
	case RuleEstablished:
		text += "its flow"
	case RuleRelated:
		text += "the flow that the ICMP error is about"
	case RuleInvalid:
		text += "its state: it belongs to no flow and can't open one"
	case RuleUnsolicited:
		text += "its direction: it comes from outside and answers no flow"
	case RuleNoReplies:
		text += fmt.Sprintf("policy %q, which lets nothing of %v in, not even answers", f.policy.ID, p.Proto)
	default:
		text += fmt.Sprintf("rule %q of policy %q", v.Rule, f.policy.ID)
	}
	if fl != nil {
		text += "; " + f.describe(now, fl, p)
	}
	return v, text
}

// describe is a flow in words.
func (f *Firewall) describe(now time.Time, fl *flow, p Packet) string {
	proto := p.Proto
	if p.About != nil {
		proto = p.About.Proto
	}
	state := "not answered yet"
	switch {
	case fl.reset:
		state = "reset"
	case fl.finIn && fl.finOut:
		state = "closed from both ends"
	case fl.answered:
		state = "answered"
	}
	idle := max(0, min(now.Sub(fl.lastSeen), now.Sub(fl.ahead)))
	return fmt.Sprintf("rule %q opened the flow, it is %s, was idle for %v and will be forgotten after %v",
		fl.rule, state, idle, fl.timeout(proto, &f.timeouts))
}
