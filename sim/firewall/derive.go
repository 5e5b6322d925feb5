package firewall

import (
	"fmt"
	"slices"
)

// Without is the policy with the named rules taken out. An ID that it doesn't have is an error: a test
// that closes a row must not pass because the row was never open.
func (p Policy) Without(ids ...string) (Policy, error) {
	out := p.clone()
	for _, id := range ids {
		i := slices.IndexFunc(out.Rules, func(r Rule) bool { return r.ID == id })
		if i < 0 {
			return Policy{}, fmt.Errorf("firewall policy %q without rule %q: it has no such rule", p.ID, id)
		}
		out.Rules = slices.Delete(out.Rules, i, i+1)
	}
	return out, nil
}

// WithoutPorts is the policy with the given destination ports taken out of every rule of a protocol
// that allows them; zero stands for TCP and UDP both. A rule that has no port left goes; a rule for
// any port keeps the others. It is an error if a range takes nothing out, as in [Policy.Without].
//
// A rule for any protocol, and the policy's default, stay as they are.
func (p Policy) WithoutPorts(proto Proto, ranges ...PortRange) (Policy, error) {
	out := p.clone()
	for _, taken := range ranges {
		if taken.First > taken.Last {
			return Policy{}, fmt.Errorf("firewall policy %q without ports %v: the range is reversed", p.ID, taken)
		}
		found := false
		kept := out.Rules[:0]
		for _, r := range out.Rules {
			if r.Action == Allow && r.Proto.hasPorts() && (proto == 0 || proto == r.Proto) {
				left, changed := subtract(r.Ports, taken)
				found = found || changed
				if len(left) == 0 {
					continue
				}
				if changed {
					r.Ports = left
				}
			}
			kept = append(kept, r)
		}
		out.Rules = kept
		if !found {
			who := proto.String()
			if proto == 0 {
				who = "TCP or UDP"
			}
			return Policy{}, fmt.Errorf("firewall policy %q without %s ports %v: no rule allows any of them", p.ID, who, taken)
		}
	}
	return out, nil
}

// subtract takes a range out of a list of ranges, of which none means all ports, and says whether
// that changed anything.
func subtract(ports []PortRange, taken PortRange) (left []PortRange, changed bool) {
	if len(ports) == 0 {
		ports = []PortRange{{0, 65535}}
	}
	for _, r := range ports {
		if taken.Last < r.First || r.Last < taken.First {
			left = append(left, r)
			continue
		}
		changed = true
		if r.First < taken.First {
			left = append(left, PortRange{r.First, taken.First - 1})
		}
		if taken.Last < r.Last {
			left = append(left, PortRange{taken.Last + 1, r.Last})
		}
	}
	return left, changed
}
