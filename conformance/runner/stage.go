package runner

import (
	"crypto/sha256"
	"encoding/binary"

	"github.com/proxyspec/proxyspec/conformance/limits"
	"github.com/proxyspec/proxyspec/conformance/result"
	"github.com/proxyspec/proxyspec/conformance/selection"
	"github.com/proxyspec/proxyspec/conformance/timeline"
	"github.com/proxyspec/proxyspec/sim/firewall"
)

// Definition is one step of the vocabulary.
type Definition struct {
	// Expr is a regular expression from ^ to $. Its groups are Do's arguments, in order.
	Expr string
	// Do judges or acts. Its parameters are strings, integers, floats, and at the end at most one
	// *godog.DocString or *godog.Table; it returns an error or nothing. It takes no context: one made
	// outside a bubble must not be waited on inside.
	Do any
	// Says is a line of documentation: what the step does, or what it takes as proof.
	Says string
	// Noun groups the vocabulary: "firewall", "call", "time".
	Noun string
}

// Stage is the world of one case. Every method is called inside the case's bubble, or in real time where the case's
// place is the kernel network, one at a time.
type Stage interface {
	// Definitions are the steps, bound to this world.
	Definitions() []Definition
	// Step says that the step with this text begins.
	Step(text string)
	// Events is what the world has seen so far. The runner asks when a step ends.
	Events() []timeline.Event
	// Close ends everything that the world started and waits for it.
	Close() error
	// Conclude, after Close, adds to the case what only the world knows (evidence, paths, the ladder, a
	// failure's cause) and writes its evidence into the report folder. The outcome stands by then.
	Conclude(c *result.Case)
}

// NewStage makes the world of one case; it is called inside the case's bubble. If it fails, it must have
// ended what it started, and the case is a harness fault, unless the error is a *result.Stop that says otherwise.
type NewStage func(Job) (Stage, error)

// Job is one case to be run, as it is sent to a worker process.
type Job struct {
	Case selection.Case `json:"case"`
	Seed uint64         `json:"seed"` // of this case's world, by CaseSeed
	SDK  string         `json:"sdk"`  // as the user named it: "reference", "mutant:direct-media"
	// Network is where the case runs: Virtual or Kernel.
	Network string `json:"network"`
	// Open is what the office's firewall lets through besides, before all that the case tells it.
	Open []firewall.Rule `json:"open,omitempty"`
	// Limits are what the SDK is given; zero ones are the defaults.
	Limits limits.Limits `json:"limits,omitzero"`
	// Out is the report folder, absolute; "" writes no evidence.
	Out string `json:"out,omitempty"`
	// Replay is the command that runs this case again.
	Replay string `json:"replay"`
}

// The networks.
const (
	Virtual = "virtual" // in a bubble of virtual time
	Kernel  = "kernel"  // in real time, the SDK under test behind a kernel of its own
)

// CaseSeed derives the seed of a case's world from the seed of the run: the first 53 bits of SHA-256 over
// the run's seed (8 bytes, big endian) and the case's ID. It depends on nothing else, so a case replays
// alone; 53 bits, so that every JSON reader keeps it exactly.
func CaseSeed(run uint64, id string) uint64 {
	sum := sha256.Sum256(append(binary.BigEndian.AppendUint64(nil, run), id...))
	return binary.BigEndian.Uint64(sum[:8]) >> 11
}
