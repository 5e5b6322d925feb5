package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/proxyspec/proxyspec/conformance/contract"
	"github.com/proxyspec/proxyspec/conformance/load"
	"github.com/proxyspec/proxyspec/conformance/mutation"
	"github.com/proxyspec/proxyspec/conformance/result"
	"github.com/proxyspec/proxyspec/conformance/runner"
	"github.com/proxyspec/proxyspec/conformance/selection"
	"github.com/proxyspec/proxyspec/text/nearest"
)

// Suite is what the command runs. The world of its cases is the workers' affair: see runner.WorkerMain.
type Suite struct {
	// Files has the feature files and, under the name Catalogue, the requirements.
	Files     fs.FS
	Catalogue string
	// Definitions are the vocabulary, for people to read.
	Definitions []runner.Definition
	// SDKs are what can be tested; the first is the default, and sound.
	SDKs []SDK
	// Mutants prove the suite; each is one of SDKs.
	Mutants []mutation.Mutant
	// WebMutants prove it for browsers, with WebSDK as the sound one.
	WebMutants []mutation.Mutant
	WebSDK     string
	// Program makes one of SDKs on the sockets of this computer.
	Program func(sdk string) (contract.Handler, error)
	// Page finds an SDK in a browser by its name, which begins with BrowserPrefix.
	Page func(name string) (SDK, error)
	// Load carries out a plan of many users; tell hears how far it is.
	Load func(ctx context.Context, p load.Plan, tell func(string)) (*load.Report, error)
	// Ground tells whether a case proves what an SDK is tested on, and not the SDK.
	Ground func(selection.Case) bool
}

// SDK is something that can be tested.
type SDK struct {
	Name    string // what the user types: "reference", "mutant:direct-media"
	Product string // what it is: "proxyspec reference SDK"
	Version string // the SDK version that it declares
}

// command carries what every command needs.
type command struct {
	suite          Suite
	stdin          io.Reader
	stdout, stderr io.Writer
}

// output is standard output. It remembers what went wrong, so that no command passes for done whose words are lost.
type output struct {
	io.Writer
	err error
}

func (o *output) Write(text []byte) (int, error) {
	n, err := o.Writer.Write(text)
	if o.err == nil {
		o.err = err
	}
	return n, err
}

// exit is an error that decides the exit code.
type exit struct {
	code int
	err  error // nil: all was said
}

func (e *exit) Error() string { return fmt.Sprint(e.err) }

// usage marks an error as the user's to mend on the command line.
func usage(err error) error {
	if err == nil {
		return nil
	}
	return &exit{code: result.ExitUsage, err: err}
}

// Main runs the command and returns its exit code: one of result's.
func Main(suite Suite, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	out := &output{Writer: stdout}
	c := &command{suite: suite, stdin: stdin, stdout: out, stderr: stderr}
	root := c.root()
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(out)
	root.SetErr(stderr)
	err := root.Execute()
	if out.err != nil && (err == nil || errors.Is(err, out.err)) {
		err = &exit{code: result.ExitReport, err: out.err}
	}
	if err == nil {
		return result.ExitPassed
	}
	e := &exit{code: result.ExitUsage, err: err} // what cobra itself finds is about usage
	errors.As(err, &e)
	if e.err != nil {
		for line := range strings.Lines(e.err.Error()) {
			fmt.Fprintf(stderr, "proxyspec: %s\n", strings.TrimRight(line, "\n"))
		}
	}
	return e.code
}

const about = `proxyspec tests whether an SDK gets through an enterprise firewall by way of the cloud proxy, exactly as
documented, and whether it fails cleanly when it can't. It brings the network along: nothing leaves this machine.
`

func (c *command) root() *cobra.Command {
	root := &cobra.Command{
		Use:           "proxyspec",
		Short:         "Test how an SDK gets through an enterprise firewall",
		Long:          about,
		Args:          cobra.ArbitraryArgs,
		SilenceErrors: true,
		SilenceUsage:  true,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return unknownCommand(cmd, args[0])
			}
			fmt.Fprint(c.stdout, about, `
  proxyspec run      test the reference SDK and write a report
  proxyspec replay   run one case of the report again, and watch
  proxyspec list     show what must hold, and the scenarios that prove it
  proxyspec steps    show the steps that scenarios are written in
  proxyspec mutants  prove that the suite notices whoever breaks a rule
  proxyspec load     put many users on a fleet of relays

proxyspec help shows every command.
`)
			return nil
		},
	}
	root.CompletionOptions.HiddenDefaultCmd = true
	root.SetFlagErrorFunc(flagError)
	root.SetHelpCommand(&cobra.Command{
		Use:   "help [COMMAND]",
		Short: "Explain a command",
		RunE: func(_ *cobra.Command, args []string) error {
			topic, rest, err := root.Find(args)
			switch {
			case err != nil:
				return usage(err)
			case len(rest) > 0:
				return unknownCommand(topic, rest[0])
			}
			return topic.Help()
		},
	})
	root.AddCommand(c.runCommand(), c.listCommand(), c.stepsCommand(), c.mutantsCommand(), c.relayCommand(), c.versionCommand())
	root.AddCommand(c.firewallCommand(), c.expectCommand(), c.loadCommand(), c.replayCommand(), c.exploreCommand(), c.reportCommand(), c.sdkCommand())
	return root
}

// group makes cmd a command that only holds others: alone it explains itself.
func group(cmd *cobra.Command, subs ...*cobra.Command) *cobra.Command {
	cmd.Args = cobra.ArbitraryArgs
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) > 0 {
			return unknownCommand(cmd, args[0])
		}
		return cmd.Help()
	}
	cmd.AddCommand(subs...)
	return cmd
}

// unknownCommand says what stands below parent in place of name.
func unknownCommand(parent *cobra.Command, name string) error {
	var names []string
	for _, sub := range parent.Commands() {
		names = append(names, sub.Name())
	}
	_, path, _ := strings.Cut(parent.CommandPath(), " ")
	lists := parent
	if len(names) == 0 {
		lists = parent.Parent()
	}
	_, topic, _ := strings.Cut(lists.CommandPath(), " ")
	return usage(fmt.Errorf("there is no command %q%s; %q lists them",
		strings.TrimSpace(path+" "+name), nearest.Hint(name, names), strings.TrimSpace("proxyspec help "+topic)))
}

// flagError says which flag was meant.
func flagError(cmd *cobra.Command, err error) error {
	var unknown *pflag.NotExistError
	var invalid *pflag.InvalidValueError
	switch {
	case errors.As(err, &invalid) && invalid.GetFlag().Value.Type() == "duration":
		return usage(fmt.Errorf("--%s must be a time such as 90s or 5m, not %q", invalid.GetFlag().Name, invalid.GetValue()))
	case errors.As(err, &invalid) && invalid.GetFlag().Value.Type() == "float64":
		return usage(fmt.Errorf("--%s must be a number, not %q", invalid.GetFlag().Name, invalid.GetValue()))
	case errors.As(err, &invalid) && invalid.GetFlag().Value.Type() == new(folder).Type():
		return usage(fmt.Errorf("--%s needs the name of a folder", invalid.GetFlag().Name))
	case errors.As(err, &invalid) && invalid.GetFlag().Value.Type() == new(jobs).Type():
		return usage(fmt.Errorf("--%s must be a whole number, at least 1, not %q", invalid.GetFlag().Name, invalid.GetValue()))
	case errors.As(err, &invalid) && invalid.GetFlag().Value.Type() == "uint64":
		return usage(fmt.Errorf("--%s must be a whole number, 0 or more, not %q", invalid.GetFlag().Name, invalid.GetValue()))
	case errors.As(err, &invalid): // the others that can have one are whole numbers
		return usage(fmt.Errorf("--%s must be a whole number, not %q", invalid.GetFlag().Name, invalid.GetValue()))
	case !errors.As(err, &unknown):
		return usage(err)
	}
	var names []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, "--"+f.Name) })
	name := "--" + unknown.GetSpecifiedName()
	if unknown.GetSpecifiedShortnames() != "" {
		name = name[1:]
	}
	return usage(fmt.Errorf("%s has no flag %s%s", cmd.CommandPath(), name, nearest.Hint(name, names)))
}

// noArguments refuses arguments by our own words.
func noArguments(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usage(fmt.Errorf("%s takes no arguments, and was given %q", cmd.CommandPath(), args[0]))
	}
	return nil
}
