package conformance_test

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const module = "github.com/proxyspec/proxyspec/"

// listed is what go list says of a package.
type listed struct {
	ImportPath string
	Doc        string
	Standard   bool
	Imports    []string // direct
	Deps       []string // all
}

func packages(t *testing.T) []listed {
	t.Helper()
	cmd := exec.Command("go", "list", "-deps", "-json=ImportPath,Doc,Standard,Imports,Deps", "./...")
	cmd.Dir = ".." // the module's root
	out, err := cmd.Output()
	var failed *exec.ExitError
	if errors.As(err, &failed) {
		t.Fatalf("go list: %s", failed.Stderr)
	}
	require.NoError(t, err)
	var all []listed
	for decoder := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listed
		if err := decoder.Decode(&p); err == io.EOF {
			return all
		} else {
			require.NoError(t, err)
		}
		all = append(all, p)
	}
}

// under tells whether a package is in a room of the house, or in a room of it.
func under(pkg, room string) bool { return pkg == room || strings.HasPrefix(pkg, room+"/") }

// TestRoomsKnowOnlyWhatIsBelow holds every import, direct or not, against the architecture.
func TestRoomsKnowOnlyWhatIsBelow(t *testing.T) {
	rules := []struct {
		room    string
		except  []string // parts of it that may
		never   []string
		because string
	}{
		{"features", nil, []string{"sim", "relay", "fakes", "conformance", "reports"}, "the suite is data; others read it"},
		{"text", nil, []string{"sim", "relay", "fakes", "conformance", "reports", "features"}, "how files are read and slips answered is the same for everybody, and knows nobody"},
		{"sim", nil, []string{"relay", "fakes", "conformance", "reports", "features"}, "the network carries packets of anybody, and knows nobody"},
		{"relay", nil, []string{"sim", "fakes", "conformance", "reports", "features"}, "the relay is a real server: it gets its sockets from transport.Net and knows no test"},
		{"fakes", nil, []string{"sim", "reports", "features"}, "fakes get their sockets from transport.Net, so that they run on any network"},
		{"fakes", nil, []string{
			"conformance/catalogue", "conformance/cli", "conformance/result", "conformance/runner", "conformance/selection",
			"conformance/steps", "conformance/suite", "conformance/timeline", "conformance/world",
		}, "fakes speak the SDK contract and know nothing of who judges them"},
		{"conformance/contract", nil, []string{"sim", "relay", "fakes", "reports", "features"}, "an adapter author needs the contract alone"},
		{"conformance/result", nil, []string{"sim", "relay", "fakes", "reports", "features"}, "the result model is for any reader of a report"},
		{"conformance/timeline", nil, []string{"sim", "relay", "fakes", "reports", "features", "conformance/result"}, "a timeline is evidence, whoever collects it"},
		{"conformance/selection", nil, []string{"sim", "relay", "fakes", "reports", "features", "conformance/runner"}, "reading features runs nothing"},
		{"conformance/runner", nil, []string{"relay", "fakes", "reports", "features", "conformance/world", "conformance/steps"}, "the runner knows worlds as Stages only"},
		{"conformance", []string{"conformance/cli", "conformance/suite"}, []string{"reports"}, "who judges doesn't choose how it is shown"},
		{"conformance/cli", nil, []string{"sim/tcp", "fakes", "features", "conformance/world", "conformance/steps"}, "the command is given its suite; relay it runs and checks as a user would"},
		{"reports", nil, []string{"sim", "relay", "fakes", "features", "conformance/runner", "conformance/selection", "conformance/world"}, "a report is a pure function of the result model"},
	}
	all := packages(t)
	for _, rule := range rules {
		found := false
		for _, p := range all {
			own, isOurs := strings.CutPrefix(p.ImportPath, module)
			if !isOurs || !under(own, rule.room) {
				continue
			}
			found = true
			if slices.ContainsFunc(rule.except, func(room string) bool { return under(own, room) }) {
				continue
			}
			for _, dep := range p.Deps {
				for _, never := range rule.never {
					if dep, isOurs := strings.CutPrefix(dep, module); isOurs && under(dep, never) &&
						!(own == "fakes/mutant" && dep == "sim/firewall") { // who breaks a firewall must know one; it has no sockets
						t.Errorf("%s imports %s: %s", own, dep, rule.because)
					}
				}
			}
		}
		require.True(t, found, "no package %s: mend the rule", rule.room)
	}
}

// TestLibrariesStayAtTheEdges holds direct imports of other modules against the architecture.
func TestLibrariesStayAtTheEdges(t *testing.T) {
	const gopacket, transport = "github.com/google/gopacket", "github.com/pion/transport/v3"
	const dns, yaml, sys = "github.com/miekg/dns", "github.com/goccy/go-yaml", "golang.org/x/sys"
	rooms := []struct {
		room string
		may  []string
	}{
		{"features", nil},
		{"sim/bubble", nil},
		{"sim/firewall", nil},
		{"sim/tcp", nil},
		{"sim/capture", []string{gopacket}},
		{"sim/dns", []string{dns, transport}},
		{"sim/kernel", []string{sys}},
		{"sim/policy", []string{dns}},
		{"sim", []string{gopacket, transport}},
		{"conformance/contract", nil},
		{"conformance/timeline", nil},
		{"conformance/result", nil},
		{"text/tree", []string{yaml}},
		{"text", nil},
		{"reports", []string{"github.com/cucumber/messages/go/v34"}},
	}
	all := packages(t)
	standard := make(map[string]bool)
	for _, p := range all {
		standard[p.ImportPath] = p.Standard
	}
	for _, p := range all {
		own, isOurs := strings.CutPrefix(p.ImportPath, module)
		if !isOurs {
			continue
		}
		for _, rule := range rooms {
			if !under(own, rule.room) {
				continue
			}
			for _, imported := range p.Imports {
				if !standard[imported] && !strings.HasPrefix(imported, module) &&
					!slices.ContainsFunc(rule.may, func(library string) bool { return under(imported, library) }) {
					t.Errorf("%s imports %s: the core is ours, libraries belong at the edges", own, imported)
				}
			}
			break // the first rule is the closest
		}
	}
}

// TestKeepersComeEarly holds the time that a cell's process takes to start against the order in which packages are
// initialised, which is that of their paths.
func TestKeepersComeEarly(t *testing.T) {
	late := []string{"net", "net/netip", "os/exec", "path/filepath", "regexp", "text/template"}
	all := packages(t)
	i := slices.IndexFunc(all, func(p listed) bool { return p.ImportPath == module+"sim/kernel/keeper" })
	require.GreaterOrEqual(t, i, 0)
	for _, dep := range all[i].Deps {
		if slices.Contains(late, dep) {
			t.Errorf("sim/kernel/keeper needs %s: it would be initialised after most packages of a program", dep)
		}
	}
}

// TestEveryPackageSaysWhatItIsFor looks for package comments.
func TestEveryPackageSaysWhatItIsFor(t *testing.T) {
	for _, p := range packages(t) {
		if strings.HasPrefix(p.ImportPath+"/", module) && p.ImportPath != strings.TrimSuffix(module, "/")+"/conformance" && p.Doc == "" {
			t.Errorf("%s has no package comment", p.ImportPath)
		}
	}
}
