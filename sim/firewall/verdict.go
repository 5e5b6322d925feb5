package firewall

import "fmt"

// Action is what becomes of a packet. The zero value drops.
type Action uint8

// The actions. A rejected packet is dropped too, and its sender is told: with RST for TCP, with an
// ICMP error for anything else. The firewall only says so; whoever moves the packets answers.
const (
	Drop Action = iota
	Allow
	Reject
)

func (a Action) String() string {
	switch a {
	case Drop:
		return "drop"
	case Allow:
		return "allow"
	case Reject:
		return "reject"
	}
	return fmt.Sprintf("action %d", uint8(a))
}

// Names of the verdicts that no rule of a policy gave. No rule may bear one of them. A router's NAT that ends a packet gives
// verdicts of its own, "nat: " and why.
const (
	RuleDefault     = "default"     // no rule matched: the policy's default
	RuleEstablished = "established" // part of a flow that was answered
	RuleRelated     = "related"     // an ICMP error about a packet of a flow
	RuleInvalid     = "invalid"     // fits no flow and can't open one: a TCP segment other than SYN, an impossible address
	RuleUnsolicited = "unsolicited" // from outside, and answers nothing
	RuleNoReplies   = "no replies"  // from outside, of a protocol of which the policy lets nothing in
)

// Verdict is the firewall's answer about one packet.
type Verdict struct {
	Action Action
	Rule   string // ID of the rule that decided, or one of the names above
	Opened string // ID of the rule that opened the packet's flow; empty if it has none
}
