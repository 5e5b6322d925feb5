package firewall_test

import (
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/sim/firewall"
)

// ledger is the dumb second opinion on flows. It keeps every packet that passed and, for each new one,
// tells the story of its conversation again from the beginning.
type ledger struct {
	policy  firewall.Policy
	entries []entry
}

type entry struct {
	at     time.Time
	packet firewall.Packet // as if it were outbound
	in     bool
	rule   string
}

// story is what a conversation looks like to whoever has followed it.
type story struct {
	alive    bool
	rule     string
	answered bool
	state    string // of TCP: opening, open, half-closed, closed
	reset    bool
	until    time.Time
}

func (s story) over() bool { return s.alive && (s.reset || s.state == "closed") }

func (l *ledger) tell(now time.Time, p firewall.Packet) (s story) {
	closed := map[bool]bool{} // by direction
	for _, e := range l.entries {
		if e.packet.Proto != p.Proto || e.packet.Src != p.Src || e.packet.Dst != p.Dst {
			continue
		}
		begins := !e.in && e.packet.Flags&0x17 == syn && s.over()
		if !s.alive || !e.at.Before(s.until) || begins {
			s = story{alive: true, rule: e.rule, state: "opening"}
			clear(closed)
		}
		s.answered = s.answered || e.in
		patience := time.Minute
		switch p.Proto {
		case udp:
			patience = 5 * time.Minute
		case tcp:
			s.reset = e.packet.Flags&rst != 0
			if e.packet.Flags&firewall.FIN != 0 {
				closed[e.in] = true
			}
			if e.in && e.packet.Flags&syn != 0 && s.state == "opening" {
				s.state = "open"
			}
			if len(closed) == 2 {
				s.state = "closed"
			}
			patience = 4 * time.Minute
			if s.state == "open" && !s.reset {
				patience = 124 * time.Minute
			}
		}
		s.until = e.at.Add(patience)
	}
	if !now.Before(s.until) {
		return story{}
	}
	return s
}

func (l *ledger) decide(now time.Time, p firewall.Packet) (v firewall.Verdict) {
	incoming := p.Direction == in
	if incoming {
		p.Src, p.Dst, p.Direction = p.Dst, p.Src, out
	}
	s := l.tell(now, p)
	pure := p.Proto == tcp && p.Flags&0x17 == syn
	fresh := !s.alive || s.over() && pure
	switch {
	case fresh && incoming:
		return firewall.Verdict{Rule: "unsolicited"}
	case fresh && p.Proto == tcp && !pure:
		if p.Flags&rst != 0 {
			return firewall.Verdict{Rule: "invalid"}
		}
		return firewall.Verdict{Action: l.policy.Invalid, Rule: "invalid"}
	case !fresh && (incoming || s.answered):
		v = firewall.Verdict{Action: firewall.Allow, Rule: "established", Opened: s.rule}
	default:
		v = linear(l.policy, p)
		if v.Action != firewall.Allow {
			return v
		}
		if !fresh {
			v.Opened = s.rule
		}
	}
	l.entries = append(l.entries, entry{now, p, incoming, v.Opened})
	return v
}

// TestFlowsAgreeWithLedger plays random conversations of two hosts, with gaps on both sides of every
// timeout, and policies that change under them.
func TestFlowsAgreeWithLedger(t *testing.T) {
	flags := []firewall.TCPFlags{syn, syn, synAck, ack, ack, fin, fin, rst, rst | ack, 0, syn | fin, 0x18}
	gaps := []time.Duration{0, 0, 0, time.Second, time.Minute - 1, time.Minute, 4*time.Minute - 1, 4 * time.Minute, 5*time.Minute - 1, 5 * time.Minute, 124*time.Minute - 1, 124 * time.Minute}
	verdicts := map[string]int{}
	for seed := range uint64(400) {
		r := rand.New(rand.NewPCG(seed, 1))
		l := &ledger{policy: firewall.Policy{ID: "random"}}
		f := newFirewall(t, l.policy, firewall.Timeouts{})
		now := epoch
		for range 150 {
			if r.IntN(20) == 0 {
				l.policy = firewall.Policy{ID: "random", Default: firewall.Allow, Invalid: firewall.Reject}
				if r.IntN(3) > 0 {
					l.policy.Rules = []firewall.Rule{{ID: "R", Proto: firewall.Proto([]uint8{0, 6, 17}[r.IntN(3)]), Action: firewall.Action(r.IntN(3))}}
				}
				require.NoError(t, f.SetPolicy(l.policy))
			}
			now = now.Add(gaps[r.IntN(len(gaps))])
			p := firewall.Packet{
				Proto: []firewall.Proto{tcp, tcp, tcp, udp, firewall.ICMP}[r.IntN(5)],
				Src:   netip.AddrPortFrom(alice.Addr(), uint16(1000+r.IntN(2))),
				Dst:   relay,
				Flags: flags[r.IntN(len(flags))],
			}
			if r.IntN(2) == 0 {
				p.Direction, p.Src, p.Dst = in, p.Dst, p.Src
			}
			want := l.decide(now, p)
			got := f.Decide(now, p)
			require.Equal(t, want, got, "seed %d: %+v", seed, p)
			verdicts[got.Action.String()+" "+got.Rule]++
		}
	}
	for _, v := range []string{"allow established", "allow default", "allow R", "drop R", "reject R", "drop default", "drop unsolicited", "drop invalid", "reject invalid"} {
		require.Greater(t, verdicts[v], 100, "%s is too rare for the test to mean much: %v", v, verdicts)
	}
}
