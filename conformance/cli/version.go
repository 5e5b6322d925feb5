package cli

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/proxyspec/proxyspec/conformance/result"
)

func (c *command) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Show the version of this program",
		Args:  noArguments,
		RunE: func(*cobra.Command, []string) error {
			t := tool()
			fmt.Fprintf(c.stdout, "%s %s, %s %s/%s\n", t.Name, t.Version, t.GoVersion, runtime.GOOS, runtime.GOARCH)
			return nil
		},
	}
}

// environment is what this program runs on.
func environment() result.Environment {
	return result.Environment{OS: runtime.GOOS, Arch: runtime.GOARCH}
}

// tool is this program, as its build knows itself: a release by its version, a working copy by its commit.
func tool() result.Tool {
	t := result.Tool{Name: "proxyspec", Version: "(unknown)", GoVersion: runtime.Version()}
	if build, ok := debug.ReadBuildInfo(); ok && build.Main.Version != "" {
		t.Version = build.Main.Version
	}
	return t
}
