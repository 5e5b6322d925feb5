package cli

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/proxyspec/proxyspec/sim/policy"
	"github.com/proxyspec/proxyspec/text/nearest"
)

func (c *command) firewallExport() *cobra.Command {
	var format, chain string
	var who clients
	var formats []string
	for _, f := range policy.Formats() {
		formats = append(formats, string(f))
	}
	cmd := &cobra.Command{
		Use:   "export POLICY",
		Short: "Write a list as firewall rules, or as a file of another form",
		Long: `Export writes a list as rules for Linux (nft, iptables, ip6tables), or as a list again (csv, json, yaml). The rules
are for a router between the clients and the internet, or with --chain output for a client's own computer. Rules drop what no row opens, and let answers pass; comments name the rows. The same list gives the same text.

Rules by domain name need addresses: give a zone, or see in the output what becomes of such rows.

Exit codes: 0 it is written; 2 usage, or a file that can't be read.`,
		Example: `  proxyspec firewall export policy.yaml --source 10.0.0.0/24 > rules.nft
  proxyspec firewall export policy.yaml --format iptables --zone zone.txt > rules.v4
  proxyspec firewall export policy.yaml --chain output > own-rules.nft
  proxyspec firewall export table.txt --format yaml > policy.yaml`,
		Args: exactly("POLICY"),
		RunE: func(cmd *cobra.Command, args []string) error {
			use, err := who.use()
			if err != nil {
				return err
			}
			p, err := c.policy(cmd, args[0])
			if err != nil {
				return err
			}
			switch {
			case chain != "forward" && chain != "output":
				return usage(fmt.Errorf("--chain %q isn't known: there are forward, for a router, and output, for a client's own computer%s", chain, nearest.Hint(chain, []string{"forward", "output"})))
			case chain == "output" && len(use.Sources) > 0:
				return usage(errors.New("--source says who is behind a router; with --chain output the client is the computer itself: leave one of them out"))
			}
			if f := policy.Format(format); isList(f) {
				for _, flag := range []string{"chain", "source", "zone"} {
					if cmd.Flags().Changed(flag) {
						return usage(fmt.Errorf("--%s is for rules, and --format %s is the list again: leave one of them out", flag, f))
					}
				}
			}
			use.Own = chain == "output"
			text, err := p.Export(policy.Format(format), use)
			if err != nil {
				return usage(err)
			}
			c.nameless(p, use, policy.Format(format))
			_, err = fmt.Fprint(c.stdout, text)
			return err
		},
	}
	cmd.Flags().SortFlags = false
	formatFlag(cmd, &format, formats...)
	cmd.Flags().StringVar(&chain, "chain", "forward", "where the rules judge: forward for a router, output for a client's own computer")
	who.flags(cmd)
	return cmd
}

// isList says that a format is that of a list, not of rules.
func isList(f policy.Format) bool { return f == policy.CSV || f == policy.JSON || f == policy.YAML }

// nameless warns of rows by name that the rules don't open.
func (c *command) nameless(p *policy.Policy, use policy.Use, f policy.Format) {
	if isList(f) {
		return
	}
	for _, e := range p.Entries {
		for _, d := range e.Destinations {
			if d.Domain != "" && len(use.Names.Addresses(use.Now, d.Domain)) == 0 {
				fmt.Fprintf(c.stderr, "proxyspec: row %s: %s isn't open in these rules as they are: see the comments there, or give --zone\n", e.ID, d.Domain)
			}
		}
	}
}
