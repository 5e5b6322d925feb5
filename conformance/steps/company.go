package steps

import (
	"fmt"
	"time"

	"github.com/proxyspec/proxyspec/conformance/contract"
	"github.com/proxyspec/proxyspec/conformance/result"
	"github.com/proxyspec/proxyspec/conformance/runner"
	"github.com/proxyspec/proxyspec/conformance/timeline"
	"github.com/proxyspec/proxyspec/conformance/world"
)

// companySteps are about the servers that the company runs itself.
func (s *scene) companySteps() []runner.Definition {
	return []runner.Definition{
		{
			Expr: `^(the proxy server|the TURN server) heard nothing of alice since her last join$`,
			Do:   s.companyQuiet,
			Says: "No packet to that server of the company's reached the firewall from alice's computer, except to end what began before.",
		},
		{
			Expr: `^the proxy server got nothing from alice but TLS on TCP port 443$`,
			Do: func() error {
				return s.companyGotOnly(world.CompanyProxy, "TLS on TCP port 443", func(e *timeline.Event) bool { return e.Proto == "TCP" && e.To.Port() == 443 })
			},
			Says: "Judges every packet of hers to it. There must be one.",
		},
		{
			Expr: `^the TURN server got nothing from alice but TURN$`,
			Do: func() error {
				return s.companyGotOnly(world.CompanyTURN, "TURN on port 3478", func(e *timeline.Event) bool { return e.To.Port() == 3478 })
			},
			Says: "Judges every packet of hers to it: all went to its TURN port. There must be one.",
		},
	}
}

func companyServer(name string) world.Place {
	if name == "the proxy server" {
		return world.CompanyProxy
	}
	return world.CompanyTURN
}

func (s *scene) companyQuiet(name string) error {
	return s.heardNothingNew(name, to(companyServer(name).Addr))
}

// heardNothingNew looks for connections and packets of alice's to some hosts that began with her last join
// or after it.
func (s *scene) heardNothingNew(name string, whom test) error {
	join, err := s.last(world.Alice, contract.MethodJoin)
	if err != nil {
		return err
	}
	time.Sleep(settling)
	sent := func(when test) []timeline.Event { return s.find(when, atWall, from(s.aliceAddr()), whom) }
	before := map[string]bool{}
	for _, e := range sent(until(join.Began.Seq)) {
		before[e.Proto+e.From.String()] = true
	}
	fresh := filter(sent(after(join.Began.Seq)), func(e *timeline.Event) bool { return !before[e.Proto+e.From.String()] })
	if len(fresh) == 0 {
		return nil
	}
	return &result.Failure{
		Message:  name + " heard of alice",
		Expected: "nothing since she joined, except to end what began before",
		Actual:   fmt.Sprintf("%d packets to %s", len(fresh), s.destinations(fresh)),
		Events:   append(join.Events(), few(fresh)...),
	}
}

func (s *scene) companyGotOnly(server world.Place, what string, right test) error {
	all := s.find(atWall, from(s.aliceAddr()), to(server.Addr), not(icmpError))
	wrong := filter(all, not(right))
	if len(all) > 0 && len(wrong) == 0 {
		return nil
	}
	return s.unlessOwnLookup(&result.Failure{
		Message:  server.Name + " did not get what it is for",
		Expected: "packets of alice's, all " + what,
		Actual:   fmt.Sprintf("%d packets, %d of them something else", len(all), len(wrong)),
		Events:   few(wrong),
	})
}
