// Package suite puts the parts together: the features, the vocabulary, the world, and the SDKs and
// mutants that can be tested by name. Programs that run the suite, this project's command and its tests, take it from here.
package suite

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"time"

	"github.com/pion/transport/v3"
	"github.com/pion/transport/v3/stdnet"

	"github.com/proxyspec/proxyspec/conformance/catalogue"
	"github.com/proxyspec/proxyspec/conformance/cli"
	"github.com/proxyspec/proxyspec/conformance/contract"
	"github.com/proxyspec/proxyspec/conformance/load/crowd"
	"github.com/proxyspec/proxyspec/conformance/mutation"
	"github.com/proxyspec/proxyspec/conformance/runner"
	"github.com/proxyspec/proxyspec/conformance/selection"
	"github.com/proxyspec/proxyspec/conformance/steps"
	"github.com/proxyspec/proxyspec/conformance/world"
	"github.com/proxyspec/proxyspec/fakes/mutant"
	"github.com/proxyspec/proxyspec/fakes/sdk"
	"github.com/proxyspec/proxyspec/features"
)

// Reference is the name of the SDK that is tested unless another is named.
const Reference = "reference"

// version is what the reference SDK, and so every mutant of it, declares.
const version = "3.0.0"

const mutantPrefix = "mutant:"

// Suite is what the command runs.
func Suite() cli.Suite {
	return cli.Suite{
		Files:       features.Files,
		Catalogue:   features.RequirementsFile,
		Definitions: steps.Vocabulary(),
		SDKs:        sdks(),
		Mutants:     mutants(),
		WebMutants:  webMutants(),
		WebSDK:      cli.BrowserPrefix + Reference,
		Program:     program,
		Page:        page,
		Load:        crowd.Run,
		Ground:      func(c selection.Case) bool { return steps.ProvesGround(c.Requirements) },
	}
}

// Cases is the cases of the suite that a tag expression selects; an empty one selects all.
func Cases(tags string) ([]selection.Case, error) {
	requirements, err := catalogue.Load(features.Files, features.RequirementsFile)
	if err != nil {
		return nil, err
	}
	cfg := selection.Config{Suite: features.Files, Tags: tags}
	for _, r := range requirements.Requirements() {
		cfg.Requirements = append(cfg.Requirements, r.ID)
	}
	return selection.Select(cfg)
}

// Stages makes the worlds of cases: worker processes need it.
func Stages() runner.NewStage { return steps.Stages(populate) }

// sdks is what --sdk can name.
func sdks() []cli.SDK {
	all := []cli.SDK{{Name: Reference, Product: "proxyspec reference SDK", Version: version}}
	for _, m := range mutant.All() {
		product := "mutant that " + m.Description
		if m.Subject != mutant.SubjectSDK {
			product = fmt.Sprintf("proxyspec reference SDK, with %s that %s", m.Subject, m.Description)
		}
		all = append(all, cli.SDK{Name: mutantPrefix + m.Name, Product: product, Version: version})
	}
	return all
}

// mutants is what proves the suite.
func mutants() (all []mutation.Mutant) {
	for _, m := range mutant.All() {
		all = append(all, mutation.Mutant{SDK: mutantPrefix + m.Name, Subject: m.Subject, Description: m.Description, Breaks: m.Breaks})
	}
	return all
}

// populate puts what a name stands for into a world: an SDK under test, or servers that a sound one meets.
func populate(job runner.Job, cfg *world.Config) error {
	name := job.SDK
	cfg.Reference = func(n transport.Net, seed uint64) (contract.Handler, error) { return sdk.New(config(n, seed)), nil }
	cfg.Tested = cfg.Reference
	if strings.HasPrefix(name, cli.BrowserPrefix) {
		if job.Network != runner.Kernel { // the ground is proved with the reference
			return nil
		}
		return inBrowser(name, cfg)
	}
	if job.Network == runner.Kernel {
		line, err := command(name)
		if err != nil {
			return err
		}
		cfg.Remote = &world.Program{Command: line}
	}
	if name == Reference || strings.HasPrefix(name, cli.ExecPrefix) { // the ground is proved with the reference
		return nil
	}
	short, isMutant := strings.CutPrefix(name, mutantPrefix)
	m, found := mutant.Find(short)
	if !isMutant || !found {
		return fmt.Errorf("there is no SDK %q", name)
	}
	cfg.Tested = func(n transport.Net, seed uint64) (contract.Handler, error) { return m.New(config(n, seed)), nil }
	g := m.Ground()
	cfg.CloudProxy, cfg.Accounts, cfg.RelayNet, cfg.Gateway = g.CloudProxy, g.Accounts, g.RelayNet, g.Gateway
	cfg.Rules, cfg.Judge, cfg.Answers, cfg.Lists, cfg.Version = g.Rules, g.Judge, g.Answers, g.Lists, g.Version
	return nil
}

// command is the command of an SDK as a program.
func command(name string) ([]string, error) {
	if line, isProgram := strings.CutPrefix(name, cli.ExecPrefix); isProgram {
		return []string{"sh", "-c", line}, nil
	}
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program: %w", err)
	}
	args := []string{self, "sdk", "reference"}
	if short, isMutant := strings.CutPrefix(name, mutantPrefix); isMutant {
		if m, _ := mutant.Find(short); m.Subject == mutant.SubjectSDK {
			args = append(args, "--mutant", short)
		}
	}
	return args, nil
}

// program makes an SDK by name on the sockets of this computer.
func program(name string) (contract.Handler, error) {
	n, err := stdnet.NewNet()
	if err != nil {
		return nil, fmt.Errorf("look at the network of this computer: %w", err)
	}
	var cfg world.Config
	if err := populate(runner.Job{SDK: name}, &cfg); err != nil {
		return nil, err
	}
	return cfg.Tested(n, uint64(time.Now().UnixNano()))
}

func config(n transport.Net, seed uint64) sdk.Config {
	var key [32]byte
	binary.BigEndian.PutUint64(key[:], seed)
	return sdk.Config{Net: n, Version: version, Rand: rand.NewChaCha8(key)}
}
