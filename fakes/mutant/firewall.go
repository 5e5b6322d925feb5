package mutant

import (
	"net/netip"
	"slices"
	"time"

	"github.com/miekg/dns"

	"github.com/proxyspec/proxyspec/sim/firewall"
)

// rules are a firewall that misreads the policy that it is told.
var rules = []Mutant{
	{
		Name: "any-source", Breaks: []string{"CP-FW-18"},
		Description: "lets every host of the office use the whitelist",
		ground:      reading(func(r *firewall.Rule) { r.Sources = nil }),
	},
	{
		Name: "wide-ranges", Breaks: []string{"CP-FW-11", "CP-FW-12", "CP-FW-13"},
		Description: "opens the ports beside each range too",
		ground: reading(func(r *firewall.Rule) {
			r.Ports = mapped(r.Ports, func(x firewall.PortRange) (firewall.PortRange, bool) {
				return firewall.PortRange{First: x.First - 1, Last: x.Last + 1}, true
			})
		}),
	},
	{
		Name: "short-ranges", Breaks: []string{"CP-FW-01", "CP-FW-02", "CP-FW-03", "CP-FW-08", "CP-FW-09", "CP-FW-10", "CP-FW-11"},
		Description: "takes the last port of a range for one too many",
		ground: reading(func(r *firewall.Rule) {
			r.Ports = mapped(r.Ports, func(x firewall.PortRange) (firewall.PortRange, bool) {
				return firewall.PortRange{First: x.First, Last: max(x.First, x.Last-1)}, true
			})
		}),
	},
	{
		Name: "ranges-only", Breaks: []string{"CP-FW-01", "CP-FW-04", "CP-FW-05", "CP-FW-06", "CP-FW-07", "CP-FW-11"},
		Description: "reads ranges of ports only, and leaves single ports closed",
		ground: misreading(func(p *firewall.Policy) {
			for i := range p.Rules {
				r := &p.Rules[i]
				r.Ports = mapped(r.Ports, func(x firewall.PortRange) (firewall.PortRange, bool) { return x, x.First < x.Last })
			}
			p.Rules = slices.DeleteFunc(p.Rules, func(r firewall.Rule) bool { return len(r.Ports) == 0 })
		}),
	},
	{
		Name: "any-port", Breaks: []string{"CP-FW-11", "CP-FW-12", "CP-FW-13", "CP-FW-16"},
		Description: "opens every port of the listed addresses",
		ground:      reading(func(r *firewall.Rule) { r.Ports = nil }),
	},
	{
		Name: "any-protocol", Breaks: []string{"CP-FW-11", "CP-FW-14", "CP-FW-15", "CP-FW-16"},
		Description: "opens the ports of a row to TCP and UDP alike",
		ground:      misreading(addTwins),
	},
	{
		Name: "addresses-only", Breaks: []string{"CP-FW-11", "CP-FW-14", "CP-RES-01"},
		Description: "opens every port of the listed addresses to TCP and UDP alike",
		ground: misreading(func(p *firewall.Policy) {
			addTwins(p)
			for i := range p.Rules {
				p.Rules[i].Ports = nil
			}
		}),
	},
	{
		Name: "wide-addresses", Breaks: []string{"CP-FW-17"},
		Description: "opens the eight addresses around each listed one",
		ground: reading(func(r *firewall.Rule) {
			r.Destinations = mapped(r.Destinations, func(x netip.Prefix) (netip.Prefix, bool) {
				return netip.PrefixFrom(x.Addr(), x.Addr().BitLen()-3).Masked(), true
			})
		}),
	},
	{
		Name: "open-by-default", Breaks: []string{"CP-FW-20", "CP-FW-22", "CP-LIST-03", "CP-FW-17", "CP-LIST-09"},
		Description: "lets out what no row says anything about",
		ground:      misreading(func(p *firewall.Policy) { p.Default = firewall.Allow }),
	},
	{
		Name: "open-when-empty", Breaks: []string{"CP-FW-22"},
		Description: "lets everything out when it has no rows",
		ground: misreading(func(p *firewall.Policy) {
			if len(p.Rules) == 0 {
				p.Default = firewall.Allow
			}
		}),
	},
	{
		Name: "open-to-six", Breaks: []string{"CP-FW-20"},
		Description: "judges IPv4 only, and lets all of IPv6 out",
		ground: misreading(func(p *firewall.Policy) {
			p.Rules = append(p.Rules, firewall.Rule{
				ID: "ipv6", Destinations: []netip.Prefix{netip.MustParsePrefix("::/0")}, Action: firewall.Allow,
			})
		}),
	},
	{
		Name: "lets-pings-out", Breaks: []string{"CP-FW-20"},
		Description: "lets ICMP out to every host",
		ground: misreading(func(p *firewall.Policy) {
			p.Rules = append(p.Rules, firewall.Rule{ID: "icmp", Proto: firewall.ICMP, Action: firewall.Allow})
		}),
	},
	{
		Name: "needs-every-row", Breaks: []string{"CP-FW-23", "CP-LIST-04"},
		Description: "loads a list only if it has ten rows, and otherwise none of it",
		ground: misreading(func(p *firewall.Policy) {
			if len(p.Rules) < 10 {
				p.Rules = nil
			}
		}),
	},
	{
		Name: "never-reloads", Breaks: []string{"CP-FW-22", "CP-FW-23", "CP-LIST-04", "CP-LIST-05"},
		Description: "goes on with the first list that it was told",
		ground: func() Ground {
			var first *firewall.Policy
			return Ground{Rules: func(p *firewall.Policy) {
				if first == nil {
					kept := *p
					first = &kept
				}
				*p = *first
			}}
		},
	},
	{
		Name: "always-rejects", Breaks: []string{"CP-FW-24"},
		Description: "refuses what it should drop in silence",
		ground:      misreading(func(p *firewall.Policy) { p.Default = firewall.Reject }),
	},
	{
		Name: "never-rejects", Breaks: []string{"CP-FW-24"},
		Description: "drops in silence what it should refuse",
		ground: misreading(func(p *firewall.Policy) {
			if p.Default == firewall.Reject {
				p.Default = firewall.Drop
			}
		}),
	},
}

// misreading makes a firewall that changes each policy that it is told.
func misreading(change func(*firewall.Policy)) func() Ground {
	return func() Ground { return Ground{Rules: change} }
}

// reading makes a firewall that changes each rule that it is told.
func reading(change func(*firewall.Rule)) func() Ground {
	return misreading(func(p *firewall.Policy) {
		for i := range p.Rules {
			change(&p.Rules[i])
		}
	})
}

// mapped makes new items of old ones, and leaves some out.
func mapped[T any](items []T, change func(T) (T, bool)) (out []T) {
	for _, x := range items {
		if y, keep := change(x); keep {
			out = append(out, y)
		}
	}
	return out
}

// addTwins adds each row of TCP for UDP, and the other way round.
func addTwins(p *firewall.Policy) {
	for _, r := range slices.Clone(p.Rules) {
		r.ID += "-twin"
		r.Proto = firewall.TCP + firewall.UDP - r.Proto
		p.Rules = append(p.Rules, r)
	}
}

// judges are a firewall that knows the right rules and judges packets wrongly.
var judges = []Mutant{
	{
		Name: "lets-anybody-in", Breaks: []string{"CP-FW-19"},
		Description: "lets in what nobody asked for",
		ground: judging(func(p firewall.Packet, v firewall.Verdict) firewall.Verdict {
			if v.Rule == firewall.RuleUnsolicited {
				v.Action = firewall.Allow
			}
			return v
		}),
	},
	{
		Name: "forgets-replies", Breaks: []string{"CP-FW-01", "CP-FW-08", "CP-FW-19", "CP-LIST-09", "CP-RES-12", "CP-FW-20"},
		Description: "forgets what it let out, and drops the reply",
		ground: judging(func(p firewall.Packet, v firewall.Verdict) firewall.Verdict {
			if p.Direction == firewall.Inbound {
				return firewall.Verdict{Rule: firewall.RuleUnsolicited}
			}
			return v
		}),
	},
	{
		Name: "mixes-families", Breaks: []string{"CP-FW-20"},
		Description: "lets out from an IPv6 address what goes to an IPv4 one",
		ground: judging(func(p firewall.Packet, v firewall.Verdict) firewall.Verdict {
			if p.Direction == firewall.Outbound && p.Src.Addr().Is6() && p.Dst.Addr().Unmap().Is4() {
				v.Action = firewall.Allow
			}
			return v
		}),
	},
	{
		Name: "misnames-rows", Breaks: []string{"CP-LIST-09"},
		Description: "names another row than the one by which it lets a packet out",
		ground: judging(func(p firewall.Packet, v firewall.Verdict) firewall.Verdict {
			if v.Action == firewall.Allow && v.Rule != firewall.RuleEstablished {
				v.Rule += "-or-so"
			}
			return v
		}),
	},
	{
		Name: "dynamic-source-ports", Breaks: []string{"CP-FW-21"},
		Description: "lets out only what comes from a dynamic port",
		ground: judging(func(p firewall.Packet, v firewall.Verdict) firewall.Verdict {
			if p.Direction == firewall.Outbound && p.Src.Port() < 49152 && v.Rule != firewall.RuleEstablished {
				return firewall.Verdict{Rule: firewall.RuleDefault}
			}
			return v
		}),
	},
}

// judging makes a firewall that changes its mind after each verdict.
func judging(change func(firewall.Packet, firewall.Verdict) firewall.Verdict) func() Ground {
	return func() Ground {
		return Ground{Judge: func(sound firewall.Judge) firewall.Judge { return fickle{sound, change} }}
	}
}

type fickle struct {
	sound  firewall.Judge
	change func(firewall.Packet, firewall.Verdict) firewall.Verdict
}

func (f fickle) Decide(now time.Time, p firewall.Packet) firewall.Verdict {
	return f.change(p, f.sound.Decide(now, p))
}

// hearings are a firewall that follows names wrongly.
var hearings = []Mutant{
	{
		Name: "ignores-names", Breaks: []string{"CP-LIST-02", "CP-LIST-09"},
		Description: "doesn't hear the name server's answers",
		ground:      func() Ground { return Ground{Answers: func([]byte) []byte { return nil }} },
	},
	{
		Name: "keeps-names", Breaks: []string{"CP-LIST-09"},
		Description: "keeps a name's addresses for a day, whatever their time to live",
		ground: hearing(func(answer *dns.Msg) bool {
			for _, record := range answer.Answer {
				record.Header().Ttl = 24 * 60 * 60
			}
			return true
		}),
	},
	{
		Name: "looks-up-once", Breaks: []string{"CP-LIST-09"},
		Description: "takes the first answer for a name, and no later one",
		ground: func() Ground {
			known := map[string]bool{}
			return hearing(func(answer *dns.Msg) bool {
				if len(answer.Question) == 0 || known[answer.Question[0].Name] {
					return false
				}
				known[answer.Question[0].Name] = true
				return true
			})()
		},
	},
}

// hearing makes a firewall that hears changed answers, or none.
func hearing(change func(*dns.Msg) (heard bool)) func() Ground {
	return func() Ground {
		return Ground{Answers: func(message []byte) []byte {
			var m dns.Msg
			if m.Unpack(message) != nil || !change(&m) {
				return nil
			}
			out, err := m.Pack()
			if err != nil {
				return nil
			}
			return out
		}}
	}
}
