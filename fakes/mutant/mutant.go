package mutant

import (
	"slices"

	"github.com/proxyspec/proxyspec/conformance/contract"
	"github.com/proxyspec/proxyspec/fakes/sdk"
)

// Mutant is a way to break an SDK, a server, the firewall, or this tool's own reading of lists.
type Mutant struct {
	Name        string   // "direct-media"
	Subject     string   // what is broken: one of the subjects
	Description string   // what it does wrong: "sends media around the cloud proxy"
	Breaks      []string // the requirements that it doesn't meet: their scenarios must fail

	make   func(sdk.Config) SDK // nil: the SDK is sound
	ground func() Ground        // nil: the servers are sound
}

// The subjects.
const (
	SubjectSDK        = "SDK"
	SubjectCloudProxy = "cloud proxy"
	SubjectSDRTN      = "SD-RTN"
	SubjectFirewall   = "firewall"
	SubjectTool       = "tool"
)

// SDK is what can be put under test, and closed once its session is over.
type SDK interface {
	contract.Handler
	Close()
}

// New makes the SDK under test of a sound SDK's configuration. Where a server is broken it is sound itself.
func (m Mutant) New(cfg sdk.Config) SDK {
	if m.make == nil {
		return sdk.New(cfg)
	}
	return m.make(cfg)
}

// Ground is the servers and the firewall of one world with this mutant. Where an SDK is broken they are sound.
func (m Mutant) Ground() Ground {
	if m.ground == nil {
		return Ground{}
	}
	return m.ground()
}

// Find is the mutant of this name.
func Find(name string) (Mutant, bool) {
	for _, m := range All() {
		if m.Name == name {
			return m, true
		}
	}
	return Mutant{}, false
}

// All is every mutant, by subject and theme.
func All() []Mutant {
	return slices.Concat(
		of(SubjectSDK, routes, settings, conducts, contacts, messages, habits, networks, retreats, seconds),
		of(SubjectCloudProxy, lookups, accounts, relays, turnRelays),
		of(SubjectSDRTN, gateways),
		of(SubjectFirewall, rules, judges, hearings),
		of(SubjectTool, readings),
	)
}

// of is mutants of one subject.
func of(subject string, themes ...[]Mutant) []Mutant {
	all := slices.Concat(themes...)
	for i := range all {
		all[i].Subject = subject
	}
	return all
}

// config makes a mutant by changing the reference's configuration.
func config(change func(*sdk.Config)) func(sdk.Config) SDK {
	return func(cfg sdk.Config) SDK {
		change(&cfg)
		return sdk.New(cfg)
	}
}
