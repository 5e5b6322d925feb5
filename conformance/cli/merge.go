package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"github.com/proxyspec/proxyspec/conformance/result"
	"github.com/proxyspec/proxyspec/reports"
)

func (c *command) mergeCommand() *cobra.Command {
	var out string
	var quiet bool
	cmd := &cobra.Command{
		Use:   "merge DIR...",
		Short: "Make one report of those of several shards",
		Long: `Merge makes one report of those of several runs that ran parts of the same suite against the same SDK with the same
seed, such as shards. It is the report that one run of everything would have given, whatever the order of the folders.
The evidence is copied. A shard that is missing, or is one of other paths or --tags, is an error. With one DIR its reports
are written anew.

Exit codes: as those of run; 2 if the reports don't belong together.`,
		Example: `  proxyspec run --shard 1/2 --out part-1
  proxyspec run --shard 2/2 --out part-2
  proxyspec report merge part-1 part-2 --out whole`,
		RunE: func(_ *cobra.Command, dirs []string) error { return c.merge(dirs, out, quiet) },
	}
	reportFlag(cmd.Flags(), &out, "the folder for the report")
	cmd.Flags().BoolVarP(&quiet, "quiet", "q", false, "no summary")
	return cmd
}

func (c *command) merge(dirs []string, out string, quiet bool) error {
	if len(dirs) == 0 {
		return usage(errors.New("merge needs the folders of the reports"))
	}
	runs, err := loadReports(dirs)
	if err != nil {
		return usage(err)
	}
	merged, err := result.Merge(runs...)
	if err != nil {
		return usage(err)
	}
	same := slices.ContainsFunc(dirs, func(dir string) bool { return sameFolder(dir, out) })
	if same && len(dirs) > 1 {
		return usage(fmt.Errorf("--out %s is one of the folders to merge; name another", out))
	}
	ready := prepare
	if same {
		ready = claim // what is there stays
	}
	release, err := ready(out)
	if err != nil {
		return &exit{code: result.ExitReport, err: fmt.Errorf("--out %s: %w", out, err)}
	}
	defer release()
	if !same {
		for i, run := range runs {
			for _, one := range run.Cases {
				if err := copyEvidence(dirs[i], out, one.Evidence); err != nil {
					return &exit{code: result.ExitReport, err: fmt.Errorf("copy the evidence of %s: %w", one.ID, err)}
				}
			}
		}
	}
	failed := reports.Write(out, merged)
	if !quiet {
		failed = errors.Join(failed, reports.Summary(c.stdout, merged, reports.Terminal{Color: hasColor(c.stdout), Dir: out}))
	}
	if failed != nil {
		return &exit{code: result.ExitReport, err: failed}
	}
	if code := result.ExitCode(merged); code != result.ExitPassed {
		return &exit{code: code}
	}
	return nil
}

// copyEvidence copies the files of one case from one report's folder to another's.
func copyEvidence(from, to string, e result.Evidence) error {
	for _, name := range e.Files() {
		name = filepath.FromSlash(name)
		if !filepath.IsLocal(name) {
			return fmt.Errorf("%q is outside of the folder", name)
		}
		if err := copyFile(filepath.Join(from, name), filepath.Join(to, name)); err != nil {
			return err
		}
	}
	return nil
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}
