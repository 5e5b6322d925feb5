package steps

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/cucumber/godog"

	"github.com/proxyspec/proxyspec/conformance/result"
	"github.com/proxyspec/proxyspec/conformance/runner"
	"github.com/proxyspec/proxyspec/conformance/world"
	"github.com/proxyspec/proxyspec/sim/firewall"
	"github.com/proxyspec/proxyspec/sim/policy"
)

func (s *scene) listSteps() []runner.Definition {
	return []runner.Definition{
		{
			Expr: `^the cloud proxy is at its production addresses$`,
			Do: func() error {
				return s.world.Prepare(func(w *world.Setup) { w.Production = true })
			},
			Says: "Edges and relays listen there, and nobody does at the addresses of the document's table. SDKs are given the new edges; nothing else changes for them.",
		},
		{
			Expr: `^the office firewall allows the production list(, and the whitelist as before)?$`,
			Do:   s.allowProduction,
			Says: "A row for each production address, with the ports that the table has for its purpose.",
		},
		{
			Expr: `^the report names a production address that the firewall stopped$`,
			Do:   s.namesProduction,
			Says: "What the report gives as a failure's cause has one.",
		},
		{
			Expr: `^the shipped list "(?P<name>[^"]*)" is linted for (test|production)$`,
			Do:   s.lintShipped,
			Says: "As proxyspec firewall lint does.",
		},
		{
			Expr: `^this list is linted for (test|production):$`,
			Do: func(profile string, file *godog.DocString) {
				s.lint("list.yaml", []byte(file.Content), policy.LintOptions{Profile: policy.Stage(profile), Today: time.Now()})
			},
			Says: "A policy file, today being the scenario's day, 1 January 2026.",
		},
		{
			Expr: `^the shipped list "(?P<name>[^"]*)" is linted for SDK (?P<version>[0-9.]+)$`,
			Do:   s.lintForSDK,
			Says: "As proxyspec firewall lint does with the version of the SDK that the list is to be used with.",
		},
		{
			Expr: `^lint finds (?P<code>[a-z-]+), an? (error|warning)$`,
			Do:   s.lintFinds,
			Says: "Among its findings is one of this code and severity, with a place and a remedy.",
		},
		{
			Expr: `^lint finds no (error|warning)$`,
			Do:   s.lintFindsNo,
			Says: "None of this severity.",
		},
		{
			Expr: `^lint finds nothing called (?P<code>[a-z-]+)$`,
			Do:   s.lintFindsNothing,
			Says: "None of this code.",
		},
		{
			Expr: `^a table's cell with the lines "(?P<line>[^"]*)" and "(?P<line2>[^"]*)" is read$`,
			Do: func(first, second string) error {
				groups, err := policy.ParsePorts(s.world.List(first + "\n" + second))
				s.groups = groups
				return err
			},
			Says: "The ports of a row, as the document's table writes them.",
		},
		{
			Expr: `^it means (?P<count>\d+) ports, among them "(?P<ports>[^"]*)"$`,
			Do:   s.cellMeans,
			Says: "Counts the ports and looks for these.",
		},
	}
}

// productionPolicy is what a network admin would make of the vendor's letter.
func productionPolicy(client netip.Addr) firewall.Policy {
	p := firewall.Policy{ID: "production-list"}
	add := func(proto firewall.Proto, place world.Place, ports ...firewall.PortRange) {
		p.Rules = append(p.Rules, firewall.Rule{
			ID: fmt.Sprintf("P%d", len(p.Rules)+1), Proto: proto, Action: firewall.Allow, Ports: ports,
			Sources:      []netip.Prefix{netip.PrefixFrom(client, client.BitLen())},
			Destinations: []netip.Prefix{netip.PrefixFrom(place.Addr, place.Addr.BitLen())},
		})
	}
	for _, place := range world.ProductionEdges {
		add(firewall.TCP, place, firewall.Port(443))
	}
	for _, place := range world.ProductionRelays {
		add(firewall.TCP, place, firewall.Port(443), firewall.Port(4000), firewall.PortRange{First: 3433, Last: 3460})
		add(firewall.UDP, place, firewall.PortRange{First: 3478, Last: 3500})
	}
	return p
}

func (s *scene) allowProduction(both string) error {
	p := productionPolicy(s.aliceAddr())
	if both != "" {
		p.ID = "both-lists"
		p.Rules = append(p.Rules, s.world.Policy().Rules...)
	}
	return s.world.SetPolicy(p)
}

func (s *scene) namesProduction() error {
	cause := s.world.Cause()
	for _, p := range slices.Concat(world.ProductionEdges, world.ProductionRelays) {
		if strings.Contains(cause, p.Addr.String()) {
			return nil
		}
	}
	return &result.Failure{
		Message:  "the report doesn't name what the firewall stopped",
		Expected: "a production address",
		Actual:   cause,
	}
}

func (s *scene) lint(name string, source []byte, o policy.LintOptions) {
	s.linted = true
	s.findings = policy.Lint(name, []byte(s.world.List(string(source))), o)
}

func (s *scene) lintShipped(name, profile string) error {
	source, err := policy.EmbeddedSource(name)
	if err != nil {
		return result.Mistake("%v", err)
	}
	s.lint(name+".yaml", source, policy.LintOptions{Profile: policy.Stage(profile)})
	return nil
}

func (s *scene) lintForSDK(name, version string) error {
	source, err := policy.EmbeddedSource(name)
	if err != nil {
		return result.Mistake("%v", err)
	}
	v, err := policy.ParseVersion(version)
	if err != nil {
		return result.Mistake("%v", err)
	}
	s.lint(name+".yaml", source, policy.LintOptions{SDK: v})
	return nil
}

func (s *scene) lintFinds(code, severity string) error {
	if err := s.isLinted(); err != nil {
		return err
	}
	for _, f := range s.findings {
		if f.Code == code && string(f.Severity) == severity && f.Line > 0 && f.Column > 0 && f.Remedy != "" {
			return nil
		}
	}
	return s.otherFindings(fmt.Sprintf("%s, as %s, with its place and a remedy", code, severity))
}

// isLinted refuses a step that looks for findings where nothing was linted: there would be none.
func (s *scene) isLinted() error {
	if !s.linted {
		return result.Mistake("no list was linted: a step before this one must")
	}
	return nil
}

func (s *scene) lintFindsNo(severity string) error {
	if err := s.isLinted(); err != nil {
		return err
	}
	if s.findings.Count(policy.Severity(severity)) == 0 {
		return nil
	}
	return s.otherFindings("no " + severity)
}

func (s *scene) lintFindsNothing(code string) error {
	if err := s.isLinted(); err != nil {
		return err
	}
	for _, f := range s.findings {
		if f.Code == code {
			return s.otherFindings("nothing called " + code)
		}
	}
	return nil
}

func (s *scene) otherFindings(want string) error {
	var got []string
	for _, f := range s.findings {
		got = append(got, f.String())
	}
	return &result.Failure{
		Message:  "lint found something else",
		Expected: want,
		Actual:   fmt.Sprintf("%d findings: %s", len(got), strings.Join(got, "; ")),
	}
}

func (s *scene) cellMeans(count int, among string) error {
	if s.groups == nil {
		return result.Mistake("no cell was read: a step before this one must")
	}
	open := map[uint16]bool{}
	for _, g := range s.groups {
		for _, r := range g.Ranges {
			for port := int(r.First); port <= int(r.Last); port++ {
				open[uint16(port)] = true
			}
		}
	}
	wanted, err := parsePorts(among)
	if err != nil {
		return err
	}
	for _, port := range wanted {
		if !open[port] {
			return &result.Failure{Message: "a port is missing", Expected: fmt.Sprint(port), Actual: fmt.Sprintf("%d other ports", len(open))}
		}
	}
	if len(open) != count {
		return &result.Failure{Message: "the cell was read otherwise", Expected: fmt.Sprintf("%d ports", count), Actual: fmt.Sprintf("%d ports", len(open))}
	}
	return nil
}
