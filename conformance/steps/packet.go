package steps

import (
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/proxyspec/proxyspec/conformance/result"
	"github.com/proxyspec/proxyspec/conformance/runner"
	"github.com/proxyspec/proxyspec/conformance/timeline"
	"github.com/proxyspec/proxyspec/conformance/world"
)

func (s *scene) packetSteps() []runner.Definition {
	return []runner.Definition{
		{
			Expr: `^until the lookup was answered alice sent packets to lookup edges only$`,
			Do:   s.edgesOnlyUntilAnswer,
			Says: "Looks at every packet that reached the firewall from alice's computer before the first answer. The office's name server is inside and isn't counted.",
		},
		{
			Expr: `^alice sent packets to lookup edges only$`,
			Do:   func() error { return s.sentOnlyTo(world.Edge) },
			Says: "Watches for the watch time, then looks at every packet that reached the firewall from alice's computer.",
		},
		{
			Expr: `^alice sent packets to edges and relays only$`,
			Do:   func() error { return s.sentOnlyTo(world.Edge, world.Relay) },
			Says: "Watches for the watch time, then looks at every packet that reached the firewall from alice's computer.",
		},
		{
			Expr: `^alice sent no packet$`,
			Do:   func() error { return s.sentNone("any host", func(*timeline.Event) bool { return true }) },
			Says: "No packet of alice's computer reached the firewall.",
		},
		{
			Expr: `^alice sent no packet to an edge or a relay$`,
			Do:   func() error { return s.sentNone("an edge or a relay", toRole(world.Edge, world.Relay)) },
			Says: "No packet of alice's computer to the cloud proxy reached the firewall.",
		},
		{
			Expr: `^alice sent no packet to SD-RTN$`,
			Do: func() error {
				time.Sleep(s.world.Limits.Watch)
				return s.sentNone("SD-RTN", toRole(world.Gateway))
			},
			Says: "Watches for the watch time: no packet of alice's computer to a gateway reached the firewall.",
		},
		{
			Expr: `^every packet that came to alice came from an edge or a relay$`,
			Do:   s.cameOnlyFromProxy,
			Says: "Looks at every packet that reached the firewall for alice's computer.",
		},
	}
}

func (s *scene) aliceAddr() netip.Addr { return s.world.AddrOf(world.Alice) }

func (s *scene) edgesOnlyUntilAnswer() error {
	answer, err := s.answered()
	if err != nil {
		return err
	}
	join := s.joins[len(s.joins)-1]
	elsewhere := s.find(atWall, from(s.aliceAddr()), after(join.Began.Seq), until(answer.Seq), not(toRole(world.Edge)))
	if len(elsewhere) == 0 {
		return nil
	}
	return &result.Failure{
		Message:  "alice contacted others before the lookup was answered",
		Expected: "until the answer, packets to lookup edges and name servers only",
		Actual:   fmt.Sprintf("%d packets to %s", len(elsewhere), s.destinations(elsewhere)),
		Events:   append(few(elsewhere), answer),
		Decides:  firstOf(elsewhere),
	}
}

func (s *scene) sentOnlyTo(roles ...world.Role) error {
	time.Sleep(s.world.Limits.Watch)
	all := s.find(atWall, from(s.aliceAddr()))
	names := make([]string, len(roles))
	for i, r := range roles {
		names[i] = string(r) + "s"
	}
	if len(all) == 0 {
		return s.unlessOwnLookup(&result.Failure{
			Message:  "alice sent no packet at all",
			Expected: "packets to " + strings.Join(names, " and "),
			Actual:   "nothing reached the firewall from alice's computer",
		})
	}
	elsewhere := s.find(atWall, from(s.aliceAddr()), not(toRole(roles...)))
	if len(elsewhere) == 0 {
		return nil
	}
	return &result.Failure{
		Message:  "alice sent packets past the cloud proxy",
		Expected: "packets to " + strings.Join(names, " and ") + " only",
		Actual:   fmt.Sprintf("%d packets to %s", len(elsewhere), s.destinations(elsewhere)),
		Events:   few(elsewhere),
		Decides:  firstOf(elsewhere),
	}
}

func (s *scene) sentNone(whom string, which test) error {
	if err := s.used(); err != nil {
		return err
	}
	sent := s.find(atWall, from(s.aliceAddr()), which)
	if len(sent) == 0 {
		return nil
	}
	return &result.Failure{
		Message:  "alice sent packets to " + whom,
		Expected: "no packet",
		Actual:   fmt.Sprintf("%d packets to %s", len(sent), s.destinations(sent)),
		Events:   few(sent),
		Decides:  firstOf(sent),
	}
}

func (s *scene) cameOnlyFromProxy() error {
	if len(s.find(atWall, to(s.aliceAddr()), fromRole(world.Relay))) == 0 {
		return s.unlessOwnLookup(&result.Failure{
			Message:  "nothing came to alice from a relay",
			Expected: "SD-RTN's data, from relays",
			Actual:   "no packet from any relay reached the firewall",
		})
	}
	others := s.find(atWall, to(s.aliceAddr()), not(fromRole(world.Edge, world.Relay)))
	if len(others) == 0 {
		return nil
	}
	return &result.Failure{
		Message:  "packets came to alice past the cloud proxy",
		Expected: "packets from edges and relays only",
		Actual:   fmt.Sprintf("%d packets from others, the first from %s", len(others), s.world.NameOf(others[0].From.Addr())),
		Events:   few(others),
		Decides:  firstOf(others),
	}
}

// destinations names where packets went: "UDP 198.51.100.11:50000 (gateway-1)".
func (s *scene) destinations(packets []timeline.Event) string {
	var names []string
	seen := map[string]bool{}
	for _, p := range packets {
		name := fmt.Sprintf("%s %v (%s)", p.Proto, p.To, s.world.NameOf(p.To.Addr()))
		if !seen[name] {
			seen[name] = true
			names = append(names, name)
		}
	}
	const most = 4
	if len(names) > most {
		return fmt.Sprintf("%s and %d other places", strings.Join(names[:most], ", "), len(names)-most)
	}
	return strings.Join(names, ", ")
}
