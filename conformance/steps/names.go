package steps

import (
	"fmt"
	"slices"
	"strings"

	"github.com/cucumber/godog"

	"github.com/proxyspec/proxyspec/conformance/result"
	"github.com/proxyspec/proxyspec/conformance/runner"
	"github.com/proxyspec/proxyspec/conformance/timeline"
	"github.com/proxyspec/proxyspec/conformance/world"
	"github.com/proxyspec/proxyspec/sim/policy"
)

func (s *scene) nameSteps() []runner.Definition {
	return []runner.Definition{
		{
			Expr: `^the office firewall follows this list:$`,
			Do:   s.followList,
			Says: "A policy file as `proxyspec firewall` takes it, with alice's computer as the client. Where it has domain names, the firewall hears the answers of the office's name server, and each address is open for as long as the answer says: a minute.",
		},
		{
			Expr: `^the cloud proxy is at its production names$`,
			Do: func() error {
				return s.world.Prepare(func(w *world.Setup) { w.Production, w.Named = true, true })
			},
			Says: "It stands at the vendor's production addresses, and clients are told names: edge-1 and edge-2.cloud-proxy.test, relay-1 and relay-2.media.cloud-proxy.test.",
		},
		{
			Expr: `^(?P<host>[\w-]+)'s computer looks up "(?P<name>[^"]*)"$`,
			Do:   s.lookUp,
			Says: "Asks the name server of its network.",
		},
		{
			Expr: `^"(?P<name>[^"]*)" moves to (?P<host>[\w-]+)$`,
			Do:   func(name, host string) error { return s.world.Move(name, host) },
			Says: "The name servers answer with that host's address from now on. production-relay-3 is a relay that no list of addresses has.",
		},
		{
			Expr: `^the report explains that the answer for "(?P<name>[^"]*)" is out of date$`,
			Do:   func(name string) error { return s.explainsDrops(world.CodeStaleName, name) },
			Says: "At the first packet of each probe the firewall says by which name its destination was open, and that it no longer is.",
		},
		{
			Expr: `^the report explains that nobody has looked up "(?P<name>[^"]*)"$`,
			Do:   func(name string) error { return s.explainsDrops(world.CodeUnknownName, name) },
			Says: "At the first packet of each probe the firewall says that a row opens nothing, for it never saw an answer for its name.",
		},
		{
			Expr: `^the firewall let alice through to (?P<host>[\w-]+) by row (?P<row>[\w-]+)$`,
			Do:   s.letAliceThrough,
			Says: "At least one flow of alice's began that way.",
		},
		{
			Expr: `^the report names (?P<host>[\w-]+) as what the firewall stopped$`,
			Do:   s.namesStopped,
			Says: "The cause that a report gives if this scenario fails has its address.",
		},
	}
}

func (s *scene) followList(file *godog.DocString) error {
	list, err := policy.Parse("list.yaml", []byte(s.world.List(file.Content)))
	if err != nil {
		return result.Mistake("%v", err)
	}
	return s.world.Follow(list)
}

func (s *scene) lookUp(who, name string) error {
	if err := s.world.Up(); err != nil {
		return err
	}
	host, err := s.world.Host(who)
	if err != nil {
		return err
	}
	addr, err := host.ResolveIPAddr("ip4", name)
	if err != nil {
		return fmt.Errorf("%s's computer looks up %q: %w", who, name, err)
	}
	s.world.Timeline.Add(timeline.Event{Kind: timeline.KindWorld, Actor: who, Name: "name looked up", Detail: fmt.Sprintf("%s is %v", name, addr)})
	return nil
}

// explainsDrops judges why the first packet of each probe was dropped.
func (s *scene) explainsDrops(code, name string) error {
	var other []timeline.Event
	for _, p := range s.probes {
		e, seen := s.first(p)
		if seen && e.Verdict == "drop" && e.Code == code && strings.Contains(e.Detail, name) {
			continue
		}
		other = append(other, e)
	}
	if len(s.probes) > 0 && len(other) == 0 {
		return nil
	}
	return &result.Failure{
		Message:  "the report doesn't explain why the firewall stopped the probes",
		Expected: fmt.Sprintf("%d packets dropped as %s, for %s", len(s.probes), code, name),
		Actual:   fmt.Sprintf("%d of %d were otherwise", len(other), len(s.probes)),
		Events:   few(other),
		Decides:  firstOf(other),
	}
}

func (s *scene) letAliceThrough(server, row string) error {
	to := s.world.AddrOf(server)
	if !to.IsValid() {
		return result.Mistake("there is no host %q in this world", server)
	}
	flows := s.find(atWall, from(s.aliceAddr()), func(e *timeline.Event) bool { return e.To.Addr() == to })
	if slices.ContainsFunc(flows, func(e timeline.Event) bool { return e.Verdict == "allow" && e.Rule == row }) {
		return nil
	}
	return &result.Failure{
		Message:  fmt.Sprintf("the firewall let nothing of alice's through to %s by row %s", server, row),
		Expected: "at least one flow",
		Actual:   fmt.Sprintf("%d packets to %v", len(flows), to),
		Events:   few(flows),
		Decides:  firstOf(flows),
	}
}

func (s *scene) namesStopped(server string) error {
	to := s.world.AddrOf(server)
	if cause := s.world.Cause(); !to.IsValid() || !strings.Contains(cause, to.String()) {
		return &result.Failure{Message: "the report doesn't name what the firewall stopped", Expected: fmt.Sprintf("%s, %v", server, to), Actual: cause}
	}
	return nil
}
