package firewall

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
)

// Policy says what may leave the local network. The zero value lets nothing out.
type Policy struct {
	ID    string // in reports
	Rules []Rule // the first that matches decides

	// Default is for packets from inside that no rule matches. Zero drops them.
	Default Action

	// Invalid is for TCP segments from inside that belong to no flow, such as those of a connection
	// whose flow was idle too long: Drop, which is the zero value, or Reject.
	Invalid Action

	// NoReplies are protocols that may go out by the rules and of which nothing comes in, as where a firewall
	// keeps no state for them.
	NoReplies []Proto
}

// Rule is one row of a policy. It matches a packet from inside when every field does.
type Rule struct {
	ID           string         // unique in its policy
	Proto        Proto          // zero: any
	Sources      []netip.Prefix // none: any
	Destinations []netip.Prefix // none: any
	Ports        []PortRange    // of the destination, which only TCP and UDP have: Proto must be one of them; none: any
	Action       Action
	Purpose      string // for people
}

// PortRange is the ports from First to Last, both included.
type PortRange struct{ First, Last uint16 }

// Port is the range of one port.
func Port(p uint16) PortRange { return PortRange{p, p} }

func (r PortRange) String() string {
	if r.First == r.Last {
		return fmt.Sprint(r.First)
	}
	return fmt.Sprintf("%d-%d", r.First, r.Last)
}

// check finds every mistake in a policy, so that its author can mend them in one go.
func (p Policy) check() error {
	var errs []error
	if p.Default > Reject {
		errs = append(errs, fmt.Errorf("default: unknown %v", p.Default))
	}
	if p.Invalid != Drop && p.Invalid != Reject {
		errs = append(errs, fmt.Errorf("invalid segments: %v isn't possible, only drop or reject", p.Invalid))
	}
	rows := make(map[string]int, len(p.Rules))
	for i, r := range p.Rules {
		if err := r.check(); err != nil {
			errs = append(errs, fmt.Errorf("rule %d %q: %w", i+1, r.ID, err))
		}
		if first, ok := rows[r.ID]; ok && r.ID != "" {
			errs = append(errs, fmt.Errorf("rule %d %q: rule %d has this ID already", i+1, r.ID, first+1))
			continue
		}
		rows[r.ID] = i
	}
	if len(errs) == 0 {
		return nil
	}
	return fmt.Errorf("firewall policy %q: %w", p.ID, errors.Join(errs...))
}

func (r Rule) check() error {
	var errs []error
	switch r.ID {
	case "":
		errs = append(errs, errors.New("the ID is missing"))
	case RuleDefault, RuleEstablished, RuleRelated, RuleInvalid, RuleUnsolicited, RuleNoReplies:
		errs = append(errs, errors.New("this ID is reserved for the firewall's own verdicts"))
	}
	if r.Action > Reject {
		errs = append(errs, fmt.Errorf("unknown %v", r.Action))
	}
	for _, prefix := range r.Sources {
		if err := checkPrefix(prefix); err != nil {
			errs = append(errs, fmt.Errorf("source: %w", err))
		}
	}
	for _, prefix := range r.Destinations {
		if err := checkPrefix(prefix); err != nil {
			errs = append(errs, fmt.Errorf("destination: %w", err))
		}
	}
	if len(r.Ports) > 0 && !r.Proto.hasPorts() {
		errs = append(errs, fmt.Errorf("ports need TCP or UDP, not %v", r.Proto))
	}
	for _, ports := range r.Ports {
		if ports.First > ports.Last {
			errs = append(errs, fmt.Errorf("ports %v: reversed, write %v", ports, PortRange{ports.Last, ports.First}))
		}
	}
	return errors.Join(errs...)
}

func checkPrefix(p netip.Prefix) error {
	switch {
	case !p.IsValid():
		return errors.New("no valid prefix (the zero one, or too many bits)")
	case p.Addr().Is4In6():
		return fmt.Errorf("%v is an IPv4 prefix in IPv6 clothes: write it as IPv4", p)
	case p != p.Masked():
		return fmt.Errorf("%v names one host of a network: write %v", p, p.Masked())
	}
	return nil
}

// clone copies a policy to the last slice, so that its author can go on changing his.
func (p Policy) clone() Policy {
	p.Rules, p.NoReplies = slices.Clone(p.Rules), slices.Clone(p.NoReplies)
	for i := range p.Rules {
		r := &p.Rules[i]
		r.Sources, r.Destinations, r.Ports = slices.Clone(r.Sources), slices.Clone(r.Destinations), slices.Clone(r.Ports)
	}
	return p
}
