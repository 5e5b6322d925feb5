package world

import (
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/proxyspec/proxyspec/sim"
	"github.com/proxyspec/proxyspec/sim/dns"
	"github.com/proxyspec/proxyspec/sim/firewall"
	"github.com/proxyspec/proxyspec/sim/policy"
)

// office is the firewall of the office: what it was told, the names that it has heard of, and who judges. All but
// told belongs to the network's loop.
type office struct {
	firewall.Judge // what the router asks: the wall, or what a mutant makes of it

	wall    *firewall.Firewall
	open    []firewall.Rule        // before all that it is told, and nobody's but the wall's
	misread func(*firewall.Policy) // nil: it reads what it is given
	mishear func([]byte) []byte    // nil: it hears answers as they are

	sources []netip.Prefix
	list    *policy.Policy // the rules follow its names; nil: they are by address
	names   policy.Names
	change  time.Time // when the next of its addresses is out of date

	mu   sync.Mutex
	told firewall.Policy
}

func newOffice(cfg *Config, clients ...netip.Prefix) (*office, error) {
	o := &office{sources: clients, open: cfg.Open, misread: cfg.Rules, mishear: cfg.Answers}
	return o, o.install(cfg, firewall.Timeouts{}, firewall.Whitelist(clients...))
}

// install has another wall judge from now on, which knows no flow.
func (o *office) install(cfg *Config, t firewall.Timeouts, told firewall.Policy) error {
	wall, err := firewall.New(firewall.Policy{ID: "nothing yet"}, t)
	if err != nil {
		return err
	}
	o.wall, o.Judge = wall, wall
	if cfg.Judge != nil {
		o.Judge = cfg.Judge(wall)
	}
	return o.load(told)
}

// policy is what the firewall was told to let through.
func (o *office) policy() firewall.Policy {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.told
}

// load replaces the rules.
func (o *office) load(told firewall.Policy) error {
	p := told
	p.Rules = slices.Concat(o.open, told.Rules)
	if o.misread != nil {
		o.misread(&p)
	}
	if err := o.wall.SetPolicy(p); err != nil {
		return err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.told = told
	return nil
}

// follow loads the rules that a list means at this time.
func (o *office) follow(now time.Time) error {
	o.change = o.names.Change(now)
	return o.load(o.list.Compile(o.use(now)))
}

func (o *office) use(now time.Time) policy.Use {
	return policy.Use{Sources: o.sources, Names: &o.names, Now: now}
}

// Decide implements firewall.Judge. What is out of date by now no longer counts.
func (o *office) Decide(now time.Time, p firewall.Packet) firewall.Verdict {
	if o.list != nil && !o.change.IsZero() && !now.Before(o.change) {
		_ = o.follow(now) // fewer addresses make no mistakes
	}
	return o.Judge.Decide(now, p)
}

// hear learns from an answer of the office's own name server; others could say anything.
func (o *office) hear(now time.Time, p *sim.Packet) error {
	if p.Proto != firewall.UDP || p.Src != netip.AddrPortFrom(officeDNS.Addr, dns.Port) {
		return nil
	}
	message := p.Payload
	if o.mishear != nil {
		message = o.mishear(message)
	}
	if o.names.Hear(now, message) && o.list != nil {
		return o.follow(now)
	}
	return nil
}

// Codes of dropped packets, where rules by name had to do with it.
const (
	CodeStaleName   = "stale-name"   // a name had the destination's address, until the answer was out of date
	CodeUnknownName = "unknown-name" // no answer was seen for some name, so that nobody knows what its rule opens
)

// why explains the drop of a packet by rules that follow names.
func (o *office) why(now time.Time, p *sim.Packet, v firewall.Verdict) (code, words string) {
	if o.list == nil || v.Rule != firewall.RuleDefault || p.Proto != firewall.TCP && p.Proto != firewall.UDP {
		return "", ""
	}
	e, err := o.list.Explain(policy.Question{Proto: p.Proto, Src: p.Src.Addr(), Dst: p.Dst}, o.use(now))
	switch {
	case err != nil:
		return "", ""
	case e.Nearest != nil && e.Nearest.Stale:
		return CodeStaleName, e.Nearest.Words
	case len(e.Remarks) > 0:
		return CodeUnknownName, e.Remarks[0]
	case e.Nearest != nil:
		return "", e.Nearest.Words
	}
	return "", ""
}

// Policy is what the office's firewall was told to let through.
func (w *World) Policy() firewall.Policy { return w.office.policy() }

// SetPolicy changes what the office's firewall lets through, for flows that are yet to begin.
func (w *World) SetPolicy(p firewall.Policy) (err error) {
	w.net.Do(func() {
		w.office.list = nil
		err = w.office.load(p)
	})
	if err == nil {
		w.note(EventPolicy, p.ID)
	}
	return err
}

// Decide is what the office's firewall makes of a packet that no host of the world can send.
func (w *World) Decide(p firewall.Packet) (v firewall.Verdict) {
	w.net.Do(func() { v = w.office.Decide(time.Now(), p) })
	return v
}

// Follow has the office's firewall let alice's computer through to what a list says, and follow the names in it.
func (w *World) Follow(list *policy.Policy) (err error) {
	w.net.Do(func() {
		w.office.list = list
		err = w.office.follow(time.Now())
	})
	if err == nil {
		w.note(EventPolicy, list.ID)
	}
	return err
}

// List is the text of a list as this tool reads it.
func (w *World) List(text string) string {
	if w.cfg.Lists != nil {
		return w.cfg.Lists(text)
	}
	return text
}
