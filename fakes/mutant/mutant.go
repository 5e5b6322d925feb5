package mutant

import (
	"slices"

	"github.com/proxyspec/proxyspec/conformance/contract"
	"github.com/proxyspec/proxyspec/fakes/sdk"
)

// Mutant is a way to break an SDK.
type Mutant struct {
	Name        string   // "direct-media"
	Description string   // what it does wrong: "sends media around the cloud proxy"
	Breaks      []string // the requirements that it doesn't meet: their scenarios must fail

	make func(sdk.Config) SDK
}

// SDK is what can be put under test, and closed once its session is over.
type SDK interface {
	contract.Handler
	Close()
}

// New makes the mutant of a sound SDK's configuration.
func (m Mutant) New(cfg sdk.Config) SDK { return m.make(cfg) }

// Find is the mutant of this name.
func Find(name string) (Mutant, bool) {
	for _, m := range All() {
		if m.Name == name {
			return m, true
		}
	}
	return Mutant{}, false
}

// All is every mutant, by theme.
func All() []Mutant { return slices.Concat(routes, settings, conducts, networks) }

// config makes a mutant by changing the reference's configuration.
func config(change func(*sdk.Config)) func(sdk.Config) SDK {
	return func(cfg sdk.Config) SDK {
		change(&cfg)
		return sdk.New(cfg)
	}
}
