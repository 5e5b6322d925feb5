package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/proxyspec/proxyspec/conformance/adapter"
	"github.com/proxyspec/proxyspec/conformance/result"
	"github.com/proxyspec/proxyspec/sim/kernel"
)

func (c *command) sdkCheckCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "check COMMAND",
		Short: "Is this adapter wired up?",
		Long: `Check starts an adapter as a run would, on a network where nobody answers, and tries what every scenario needs: the
handshake, a smoke call, a method that doesn't exist, a call while another is under way, an orderly end, and that
nothing but messages of the contract is on standard output. It says who is to blame: the adapter or the SDK.

Exit codes: 0 all is well; 1 the SDK is to blame; 2 usage; 3 the adapter is to blame, or the harness.`,
		Example: `  proxyspec sdk check "node my-adapter.mjs"`,
		Args:    cobra.ArbitraryArgs,
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 || args[0] == "" {
				return usage(errors.New(`sdk check takes one command, in quotes: proxyspec sdk check "node my-adapter.mjs"`))
			}
			return c.sdkCheck(args[0])
		},
	}
}

func (c *command) sdkCheck(line string) error {
	if err := kernel.Probe(); err != nil {
		return usage(err)
	}
	ctx, stop := untilInterrupted()
	defer stop()
	blamed := map[string]bool{}
	_, err := adapter.Check(ctx, []string{"sh", "-c", line}, func(f adapter.Finding) {
		blamed[f.Blame] = true
		verdict := "ok"
		if f.Blame != "" {
			verdict = "wrong"
			f.Words = "the " + f.Blame + " is to blame: " + f.Words
		}
		fmt.Fprintf(c.stdout, "%-6s %-15s %s\n", verdict, f.Name, f.Words)
	})
	switch {
	case errors.Is(err, context.Canceled):
		return &exit{code: result.ExitInterrupted}
	case err != nil:
		return &exit{code: result.ExitFault, err: fmt.Errorf("the harness is to blame: %w", err)}
	case blamed[adapter.BlameAdapter]:
		return &exit{code: result.ExitFault}
	case blamed[adapter.BlameSDK]:
		return &exit{code: result.ExitFailed}
	}
	return nil
}
