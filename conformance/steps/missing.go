package steps

import (
	"fmt"
	"slices"
	"strings"

	"github.com/proxyspec/proxyspec/conformance/result"
	"github.com/proxyspec/proxyspec/conformance/runner"
	"github.com/proxyspec/proxyspec/conformance/timeline"
	"github.com/proxyspec/proxyspec/relay"
	"github.com/proxyspec/proxyspec/sim/firewall"
)

func (s *scene) missingSteps() []runner.Definition {
	return []runner.Definition{
		{
			Expr: `^the office firewall has no rows$`,
			Do: func() error {
				return s.world.SetPolicy(firewall.Policy{ID: "nothing-allowed"})
			},
			Says: "Nothing may leave the office.",
		},
		{
			Expr: `^the office firewall allows the whitelist without (?P<proto>TCP|UDP) ports "([^"]*)"$`,
			Do:   s.withoutPorts,
			Says: `Takes the ports ("443, 4000", "3433-3460") out of every row of this protocol.`,
		},
		{
			Expr: `^the office firewall rejects what it doesn't allow$`,
			Do: func() error {
				p := s.world.Policy()
				p.Default = firewall.Reject
				return s.world.SetPolicy(p)
			},
			Says: "Instead of dropping it: TCP gets a reset, everything else an ICMP error.",
		},
		{
			Expr: `^the report lists rows? (?P<rows>T\d+(?:(?:, | and )T\d+)*) as missing$`,
			Do:   s.reportLists,
			Says: "The rows of the whitelist that the office's policy doesn't let through whole, as the case's report has them: exactly these.",
		},
		{
			Expr: `^the relays carried alice's messages on TCP ports 443 or 4000 and her media on TCP 3433-3460 or UDP 3478-3500$`,
			Do:   s.portsByPurpose,
			Says: "By the cloud proxy's log: which of its ports each message connection and each allocation came to. Both must be there.",
		},
	}
}

func (s *scene) withoutPorts(proto, ports string) error {
	list, err := parsePorts(ports)
	if err != nil {
		return err
	}
	ranges := make([]firewall.PortRange, len(list))
	for i, port := range list {
		ranges[i] = firewall.Port(port)
	}
	number := firewall.TCP
	if proto == "UDP" {
		number = firewall.UDP
	}
	p, err := s.world.Policy().WithoutPorts(number, ranges...)
	if err != nil {
		return err
	}
	return s.world.SetPolicy(p)
}

func (s *scene) reportLists(rows string) error {
	want := row.FindAllString(rows, -1)
	got := s.world.MissingRows()
	if slices.Equal(want, got) {
		return nil
	}
	return &result.Failure{
		Message:  "the report doesn't list the rows that are missing",
		Expected: strings.Join(want, ", "),
		Actual:   strings.Join(got, ", "),
	}
}

func (s *scene) portsByPurpose() error {
	within := func(port uint16, first, last uint16) bool { return first <= port && port <= last }
	messages := s.find(kind(timeline.KindProxy), named(relay.EventMessagesOpened), from(s.aliceAddr()))
	media := s.find(kind(timeline.KindProxy), named(relay.EventAllocationCreated), from(s.aliceAddr()))
	var wrong []timeline.Event
	for _, e := range messages {
		if port := e.To.Port(); port != 443 && port != 4000 {
			wrong = append(wrong, e)
		}
	}
	for _, e := range media {
		port := e.To.Port()
		if !(e.Proto == "TCP" && within(port, 3433, 3460) || e.Proto == "UDP" && within(port, 3478, 3500)) {
			wrong = append(wrong, e)
		}
	}
	if len(messages) > 0 && len(media) > 0 && len(wrong) == 0 {
		return nil
	}
	return &result.Failure{
		Message:  "messages or media used other ports",
		Expected: "messages on TCP 443 or 4000, media on TCP 3433-3460 or UDP 3478-3500, at least one of each",
		Actual:   fmt.Sprintf("%d message connections, %d allocations, %d of them elsewhere", len(messages), len(media), len(wrong)),
		Events:   few(append(wrong, s.failedCalls()...)),
	}
}
