package cli

import (
	"context"
	"fmt"
	"io"
	"sync"

	"github.com/spf13/cobra"

	"github.com/proxyspec/proxyspec/conformance/contract"
	"github.com/proxyspec/proxyspec/conformance/result"
	"github.com/proxyspec/proxyspec/text/nearest"
)

const sdkAbout = `An SDK in any language is tested through an adapter: a program that speaks the SDK contract, JSON-RPC 2.0 with one
message a line, on standard input and output. conformance/contract/README.md says how to write one.
`

func (c *command) sdkCommand() *cobra.Command {
	return group(&cobra.Command{
		Use:   "sdk",
		Short: "For authors of SDKs and of adapters",
		Long:  sdkAbout,
	}, c.sdkCheckCommand(), c.sdkServeCommand(), c.sdkSchemaCommand())
}

// sdkServeCommand is an SDK of this program as a program of its own.
func (c *command) sdkServeCommand() *cobra.Command {
	var mutant string
	cmd := &cobra.Command{
		Use:   "reference",
		Short: "Be an adapter: the reference SDK on this computer's network",
		Long: `Reference speaks the SDK contract on standard input and output. Its sockets are those of the computer, so that it
goes wherever hello tells it to. With --mutant it breaks a rule, as "proxyspec mutants --list" says.`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			name := c.suite.SDKs[0].Name
			if mutant != "" {
				name = mutantPrefix + mutant
			}
			if err := c.knownProgram(name, mutant); err != nil {
				return usage(err)
			}
			handler, err := c.suite.Program(name)
			if err != nil {
				return &exit{code: result.ExitFault, err: err}
			}
			over := make(chan struct{})
			served := make(chan error, 1)
			go func() {
				served <- contract.Serve(context.Background(), &standard{cmd.InOrStdin(), cmd.OutOrStdout(), sync.OnceFunc(func() { close(over) })}, handler)
			}()
			select {
			case <-over: // after shutdown: a read of standard input can't be ended otherwise
			case err = <-served:
			}
			if err != nil {
				return &exit{code: result.ExitFault, err: err}
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&mutant, "mutant", "", "the mutant to be instead")
	return cmd
}

func (c *command) knownProgram(name, mutant string) error {
	var known []string
	for _, m := range c.suite.Mutants {
		known = append(known, m.SDK[len(mutantPrefix):])
		if m.SDK == name && m.Subject != c.suite.Mutants[0].Subject {
			return fmt.Errorf("--mutant %s breaks the %s, not the SDK: it can't be a program", mutant, m.Subject)
		}
	}
	if _, err := c.sdk(name); err != nil {
		return fmt.Errorf("--mutant %q isn't known%s; \"proxyspec mutants --list\" shows them", mutant, nearest.Hint(mutant, known))
	}
	return nil
}

func (c *command) sdkSchemaCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "schema",
		Short: "Print the JSON Schema of the SDK contract",
		Args:  noArguments,
		RunE: func(*cobra.Command, []string) error {
			_, err := c.stdout.Write(contract.Schema)
			return err
		},
	}
}

// standard is the standard streams as one. Close closes neither, which would not end a read, but says so.
type standard struct {
	io.Reader
	io.Writer
	closed func()
}

func (s *standard) Close() error {
	s.closed()
	return nil
}
