package steps

import (
	"fmt"
	"strings"
	"time"

	"github.com/proxyspec/proxyspec/conformance/runner"
	"github.com/proxyspec/proxyspec/conformance/world"
	"github.com/proxyspec/proxyspec/sim/firewall"
	"github.com/proxyspec/proxyspec/sim/nat"
)

// obstacleSteps put into alice's way what offices have.
func (s *scene) obstacleSteps() []runner.Definition {
	return []runner.Definition{
		{
			Expr: `^the office firewall forgets UDP flows that are idle for (\d+) seconds$`,
			Do: func(seconds int) error {
				idle, err := lasting(seconds, time.Second, "seconds")
				if err != nil {
					return err
				}
				return s.world.SetTimeouts(firewall.Timeouts{UDP: idle})
			},
			Says: "What comes from outside after that is nobody's, and is dropped.",
		},
		{
			Expr: `^the office firewall lets no UDP in any more$`,
			Do:   s.noUDPIn,
			Says: "UDP still goes out where the policy allows it, and nobody is told.",
		},
		{
			Expr: `^the office firewall forgets all flows, and (drops|resets) what belongs to none$`,
			Do:   s.forgetFlows,
			Says: "As where a middlebox cuts what it takes for idle. What is reset gets a RST; of what is dropped nobody is told. New connections may begin.",
		},
		{
			Expr: `^from alice to a relay and back it takes (\d+) ms, and (\d+) % of the packets are lost$`,
			Do: func(ms, percent int) error {
				there, err := lasting(ms, time.Millisecond, "ms")
				if err != nil {
					return err
				}
				s.loss = percent
				return s.world.SetRoundTrip(there, float64(percent)/100)
			},
			Says: "Lost between the office and the internet, this part in each direction.",
		},
		{
			Expr: `^the office is behind a NAT$`,
			Do:   func() error { return s.world.SetNAT(nat.EndpointIndependent, nat.AddressAndPortDependent) },
			Says: "Its filtering and its ports are those of a careful one: an outside port admits only whom its inside port has sent to.",
		},
		{
			Expr: `^the office is behind a NAT with (` + behaviors + `) mapping and (` + behaviors + `) filtering$`,
			Do: func(mapping, filtering string) error {
				return s.world.SetNAT(behavior[mapping], behavior[filtering])
			},
			Says: "In the words of RFC 4787: what the outside port of an inside one depends on, and whom it admits.",
		},
		{
			Expr: `^the office's NAT begins anew, with other ports$`,
			Do:   s.world.RebindNAT,
			Says: "Those outside see everything that comes from the office come from somewhere else, and nothing of theirs gets in until the office has sent to them.",
		},
		{
			Expr: `^the office inspects TLS( to the relays)?, with certificates of (an authority that the SDK doesn't know|the right authority for another name)$`,
			Do: func(relays, whose string) error {
				return s.world.Inspect(relays != "", strings.HasSuffix(whose, "for another name"))
			},
			Says: "A host in the way to the cloud proxy, or to its relays alone, takes every TLS connection on ports 443 and 4000, and passes it on once its certificate has been accepted.",
		},
		{
			Expr: `^the office's only way out is an HTTP proxy that the SDK isn't told of$`,
			Do:   s.world.ExitByProxy,
			Says: "It makes tunnels (CONNECT) to TCP port 443 of anybody, and the name server knows it as http-proxy.test. The firewall lets nobody else out.",
		},
		{
			Expr: `^the office's name server (stops|goes off the network)$`,
			Do:   func(how string) error { return s.fail(s.world.NameServer(), how) },
			Says: "It is the only one that the office has.",
		},
		{
			Expr: `^the relays have moved to addresses that are not on the whitelist$`,
			Do:   func() error { return s.world.Prepare(func(setup *world.Setup) { setup.RelaysMoved = true }) },
			Says: "The lookup edges are where they were, and answer with the new addresses.",
		},
		{
			Expr: `^the relay that the lookup names first for "([^"]*)" (stops|goes off the network)$`,
			Do:   s.firstRelayFails,
			Says: "The suite asks an edge, from outside, which one that is.",
		},
	}
}

const behaviors = "endpoint-independent|address-dependent|address-and-port-dependent"

var behavior = map[string]nat.Behavior{
	"endpoint-independent": nat.EndpointIndependent, "address-dependent": nat.AddressDependent, "address-and-port-dependent": nat.AddressAndPortDependent,
}

func (s *scene) noUDPIn() error {
	p := s.world.Policy()
	p.NoReplies = []firewall.Proto{firewall.UDP}
	return s.world.SetPolicy(p)
}

func (s *scene) forgetFlows(how string) error {
	p := s.world.Policy()
	if p.Invalid = firewall.Drop; how == "resets" {
		p.Invalid = firewall.Reject
	}
	err := s.world.SetPolicy(p)
	s.world.ForgetFlows()
	return err
}

// fail ends a server, with or without a word.
func (s *scene) fail(server, how string) error {
	if how == "stops" {
		return s.world.Stop(server)
	}
	return s.world.Cut(server)
}

func (s *scene) firstRelayFails(channel, how string) error {
	if err := s.world.Up(); err != nil {
		return err
	}
	edges, relays := s.world.CloudProxy()
	i, err := s.world.Inquire("carol", edges[0], map[string]string{"appId": world.AppID, "sdkVersion": "3.0.0", "channel": channel})
	if err != nil {
		return err
	}
	if len(i.Answer.Relays) == 0 {
		return fmt.Errorf("%s names no relay: %v", i.Edge, i.Refusal)
	}
	for _, p := range relays {
		if p.Addr.String() == fmt.Sprint(i.Answer.Relays[0].Address) {
			s.died = append(s.died, p.Name)
			return s.fail(p.Name, how)
		}
	}
	return fmt.Errorf("%s names the relay %v, which isn't in this world", i.Edge, i.Answer.Relays[0].Address)
}
