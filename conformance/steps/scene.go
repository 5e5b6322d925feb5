package steps

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/proxyspec/proxyspec/conformance/contract"
	"github.com/proxyspec/proxyspec/conformance/result"
	"github.com/proxyspec/proxyspec/conformance/runner"
	"github.com/proxyspec/proxyspec/conformance/timeline"
	"github.com/proxyspec/proxyspec/conformance/world"
	"github.com/proxyspec/proxyspec/relay"
	"github.com/proxyspec/proxyspec/relay/check"
	"github.com/proxyspec/proxyspec/sim/policy"
)

// scene is one scenario under way.
type scene struct {
	world *world.World
	job   runner.Job
	lost  error // the evidence couldn't be kept

	inited  map[string]bool        // clients that have their App ID
	joins   []*world.Call          // alice's, in order
	uids    map[*world.Call]string // that she joined as
	clients map[string]string      // hers, by the names that the scenario gives them
	said    map[string][]string
	probes  []probe
	open    []tuple // of a sweep
	asked   int

	linted   bool               // a list was
	findings policy.Findings    // of the last lint
	groups   []policy.PortGroup // of the last cell of a table

	loss  int      // percent of the packets between the office and the internet
	died  []string // relays that a step has ended
	table *table   // what was tried of it; nil: nothing

	inquiries   []world.Inquiry      // of the last lookup without an SDK: one an edge
	answers     []relay.LookupAnswer // of all such lookups
	connections []*world.Connection  // opened with them
	refusals    []relay.RefusalError // of those that weren't
	rows        []check.Result       // of the last requirement that a raw TURN client tried
	isRecorded  bool                 // support recorded an account
	recorded    error                // what the cloud proxy said of it
}

// Stages makes the world of a case for the runner. populate puts the SDKs, and what else the name of the job's SDK
// stands for, into the world's configuration.
func Stages(populate func(job runner.Job, cfg *world.Config) error) runner.NewStage {
	return func(job runner.Job) (runner.Stage, error) {
		cfg := world.Config{Seed: job.Seed, Limits: job.Limits, Open: job.Open}
		if err := populate(job, &cfg); err != nil {
			return nil, err
		}
		if ProvesGround(job.Case.Requirements) {
			cfg.Tested = cfg.Reference
		}
		w, err := world.New(cfg)
		if err != nil {
			return nil, err
		}
		if err := w.KeepIn(job.Out, job.Case.ID); err != nil {
			return nil, errors.Join(err, w.Close())
		}
		return newScene(w, job), nil
	}
}

// ProvesGround tells whether a case is about the ground alone: the firewall, the cloud proxy, the relays, this
// tool. Whatever SDK is under test, alice then has the reference's, so that a broken SDK can't make sound
// ground look unsound.
func ProvesGround(requirements []string) bool {
	for _, id := range requirements {
		switch theme, _, _ := strings.Cut(strings.TrimPrefix(id, "CP-"), "-"); theme {
		case "FLOW", "API", "CFG", "SEQ", "RES":
			return false
		}
	}
	return len(requirements) > 0
}

func newScene(w *world.World, job runner.Job) *scene {
	return &scene{world: w, job: job, inited: map[string]bool{}, said: map[string][]string{},
		uids: map[*world.Call]string{}, clients: map[string]string{}}
}

// Vocabulary is every step, for people to read; none can be run.
func Vocabulary() []runner.Definition { return newScene(nil, runner.Job{}).Definitions() }

// Definitions implements runner.Stage.
func (s *scene) Definitions() []runner.Definition {
	var all []runner.Definition
	for _, noun := range []struct {
		name  string
		steps []runner.Definition
	}{
		{"office", s.officeSteps()},
		{"cloud proxy", s.cloudSteps()},
		{"SDK methods", s.methodSteps()},
		{"call", s.callSteps()},
		{"clients", s.clientSteps()},
		{"ways", s.waySteps()},
		{"company servers", s.companySteps()},
		{"parameters", s.parameterSteps()},
		{"time", s.timeSteps()},
		{"lookup", s.lookupSteps()},
		{"packets", s.packetSteps()},
		{"SD-RTN", s.sdrtnSteps()},
		{"messages", s.messageSteps()},
		{"media", s.mediaSteps()},
		{"media", s.countSteps()},
		{"whitelist", s.probeSteps()},
		{"whitelist", s.sweepSteps()},
		{"whitelist", s.missingSteps()},
		{"lists", s.listSteps()},
		{"names", s.nameSteps()},
		{"lookups without an SDK", s.inquirySteps()},
		{"accounts", s.accountSteps()},
		{"versions", s.versionSteps()},
		{"obstacles", s.obstacleSteps()},
		{"trouble", s.troubleSteps()},
		{"trouble", s.endureSteps()},
		{"leaving", s.leavingSteps()},
		{"TURN by the RFC", s.rowSteps()},
		{"decision table", s.tableSteps()},
		{"random worlds", s.randomSteps()},
	} {
		for _, d := range noun.steps {
			d.Noun = noun.name
			all = append(all, d)
		}
	}
	return all
}

// Step implements runner.Stage.
func (s *scene) Step(text string) {
	if err := s.world.Save(); err != nil && s.lost == nil {
		s.lost = fmt.Errorf("keep the evidence: %w", err)
	}
	s.world.Timeline.Add(timeline.Event{Kind: timeline.KindStep, Actor: "suite", Name: "step", Detail: text})
}

// Events implements runner.Stage.
func (s *scene) Events() []timeline.Event { return s.world.Timeline.Events() }

// Close implements runner.Stage.
func (s *scene) Close() error {
	for _, c := range s.connections {
		_ = c.Close() // the relay may have gone
	}
	return s.world.Close()
}

// Conclude implements runner.Stage.
func (s *scene) Conclude(c *result.Case) {
	err := s.world.Conclude(c)
	if err == nil {
		err = s.lost
	}
	if err != nil && c.Outcome == result.Pass {
		// A case without its evidence proves nothing.
		c.Outcome = result.HarnessFault
		c.Failure = &result.Failure{Message: err.Error()}
	}
}

// user is who a step speaks of, with the SDK started.
func (s *scene) user(name string) (*world.User, error) { return s.world.User(name) }

// call makes a call that returns soon, and waits for it. That it errors is for other steps to judge.
func (s *scene) call(name, method string, params func(client string) any) error {
	u, err := s.user(name)
	if err != nil {
		return err
	}
	c, err := u.Begin(method, params(u.Client()))
	if err != nil {
		return err
	}
	_, err = c.Wait(s.world.Limits.Reply)
	return err
}

// plain is the parameters of a method that needs nothing but the client.
func plain(client string) any { return contract.ClientCall{Client: client} }

// last is the last call of a method that a user made; a step about a call that was never made is a
// mistake of the scenario.
func (s *scene) last(name, method string) (*world.Call, error) {
	u, err := s.user(name)
	if err != nil {
		return nil, err
	}
	if c := u.Last(method); c != nil {
		return c, nil
	}
	return nil, result.Mistake("%s has not called %s: a step before this one must", name, method)
}

// ended describes how a call ended, for a failure.
func ended(c *world.Call) string {
	over, err := c.Over()
	switch {
	case !over:
		return fmt.Sprintf("%s has not returned", c.Method)
	case err != nil:
		return fmt.Sprintf("%s failed after %v: %v", c.Method, c.Took().Round(time.Millisecond), err)
	}
	return fmt.Sprintf("%s succeeded after %v", c.Method, c.Took().Round(time.Millisecond))
}

// used refuses a step that looks for nothing of alice's where neither her SDK nor her computer did anything: it would be
// true of any.
func (s *scene) used() error {
	if len(s.inquiries)+len(s.probes)+len(s.find(kind(timeline.KindCall), by(world.Alice))) == 0 {
		return result.Mistake("alice has called nothing: a step before this one must")
	}
	return nil
}
