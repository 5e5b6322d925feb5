package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/pflag"
	"golang.org/x/sys/unix"

	"github.com/proxyspec/proxyspec/conformance/result"
	"github.com/proxyspec/proxyspec/reports"
)

// folder is a flag that names one. "" would be the one where the command is, which nobody means.
type folder string

func (f *folder) String() string { return string(*f) }
func (f *folder) Type() string   { return "folder" }

func (f *folder) Set(name string) error {
	if name == "" {
		return errors.New("it is empty")
	}
	*f = folder(name)
	return nil
}

// reportFlag is --out of a command.
func reportFlag(flags *pflag.FlagSet, out *string, what string) {
	*out = "proxyspec-report"
	flags.Var((*folder)(out), "out", what)
}

// prepare makes a report folder ready before the run: it exists and can be written to, and an earlier report's
// evidence, which the new one wouldn't mention, is gone. A folder that has files of these names and no
// report of ours is somebody else's. It is this run's alone until release is called.
func prepare(dir string) (release func(), err error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	if release, err = claim(dir); err != nil {
		return nil, err
	}
	if err := emptied(dir); err != nil {
		release()
		return nil, err
	}
	return release, nil
}

// claim keeps a second run out of a folder, which would clear away the evidence that the first has written. The lock
// ends with the process, however that ends. Where a file system has no locks nothing is kept out.
func claim(dir string) (release func(), err error) {
	locked, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(locked.Fd()), unix.LOCK_EX|unix.LOCK_NB); errors.Is(err, unix.EWOULDBLOCK) {
		_ = locked.Close()
		return nil, errors.New("another run is writing its report into the folder; name another folder")
	}
	return func() { _ = locked.Close() }, nil
}

// writable makes a folder, if need be, and tries to write into it.
func writable(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	probe, err := os.CreateTemp(dir, ".proxyspec-*")
	if err != nil {
		return err
	}
	return errors.Join(probe.Close(), os.Remove(probe.Name()))
}

// sameFolder says whether two names are of one folder, as one is that has a link to it.
func sameFolder(a, b string) bool {
	one, err := os.Stat(a)
	if err != nil {
		return false
	}
	other, err := os.Stat(b)
	return err == nil && os.SameFile(one, other)
}

// emptied takes an earlier report's evidence out of a folder, once it is known that it can be written to.
func emptied(dir string) error {
	earlier, err := readReport(dir)
	if err != nil {
		return err
	}
	if err := writable(dir); err != nil {
		return err
	}
	for _, c := range earlier {
		if err := removeEvidence(dir, c); err != nil {
			return err
		}
	}
	return nil
}

// readReport finds the cases of the report in a folder, if there is one.
func readReport(dir string) ([]result.Case, error) {
	text, err := os.ReadFile(filepath.Join(dir, "conformance.json"))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		for _, name := range []string{"index.html", "junit.xml"} {
			if _, err := os.Lstat(filepath.Join(dir, name)); err == nil {
				return nil, fmt.Errorf("the folder has %s, which is no report of ours; name another folder", name)
			}
		}
		return nil, nil
	case err != nil:
		return nil, err
	}
	var run struct {
		Schema string        `json:"schema"`
		Cases  []result.Case `json:"cases"`
	}
	family, _, _ := strings.Cut(result.Schema, "/")
	if err := json.Unmarshal(text, &run); err != nil || !strings.HasPrefix(run.Schema, family+"/") {
		return nil, errors.New("the folder has conformance.json, which is no report of ours; name another folder")
	}
	return run.Cases, nil
}

// removeEvidence deletes the files that a report names below its evidence folder, and those of a case that the run
// didn't see to its end, which it doesn't name; then the folders that are empty without them.
func removeEvidence(dir string, c result.Case) error {
	unnamed := result.EvidenceOf(c.ID)
	unnamed.Page = reports.PageOf(c.ID)
	for _, name := range append(c.Evidence.Files(), unnamed.Files()...) {
		name = filepath.Clean(filepath.FromSlash(name))
		if !filepath.IsLocal(name) || !strings.HasPrefix(name, "evidence"+string(filepath.Separator)) {
			continue // not a name that we would have written
		}
		if err := os.Remove(filepath.Join(dir, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("clear the earlier report's evidence: %w", err)
		}
		for parent := filepath.Dir(name); parent != "."; parent = filepath.Dir(parent) {
			if os.Remove(filepath.Join(dir, parent)) != nil {
				break // not empty
			}
		}
	}
	return nil
}

// loadReport reads the report in a folder.
func loadReport(dir string) (*result.Run, error) {
	run, err := reports.Read(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("there is no report to read: %w; \"proxyspec run --out %s\" writes one", err, dir)
	}
	return run, err
}

// loadReports reads the reports in some folders.
func loadReports(dirs []string) (runs []*result.Run, err error) {
	for _, dir := range dirs {
		run, err := loadReport(dir)
		if err != nil {
			return nil, err
		}
		runs = append(runs, run)
	}
	return runs, nil
}
