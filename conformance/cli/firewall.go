package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"net/netip"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/proxyspec/proxyspec/sim/policy"
	"github.com/proxyspec/proxyspec/text/nearest"
)

const firewallAbout = `Firewall works with the list of addresses and ports that must be open: the whitelist as a file that can be
checked, explained, compared, turned into firewall rules, and held against the rules of a real firewall.

A POLICY is a file, "-" for standard input, or the name of a list that comes with this program:

  cloud-proxy-test        the ten rows of the cloud proxy's document
  cloud-proxy-production  an example of a vendor's list for production, with domain names
  vendor-lists            an example of other lists that vendors publish

A file may be YAML or JSON ("proxyspec firewall schema" prints its JSON Schema), CSV with the headings
Protocol, Destination, Port, Purpose and, if you like, as-of, or the table as it is copied from a web page.
`

func (c *command) firewallCommand() *cobra.Command {
	return group(&cobra.Command{
		Use:   "firewall",
		Short: "Check, explain, compare and export the firewall's list",
		Long:  firewallAbout,
		Example: `  proxyspec firewall export table.txt --format yaml > policy.yaml
  proxyspec firewall lint policy.yaml --profile production
  proxyspec firewall export policy.yaml --format nft --source 10.0.0.0/24 > rules.nft
  nft -j list ruleset | proxyspec firewall check --policy policy.yaml --source 10.0.0.0/24 -`,
	}, c.firewallLint(), c.firewallExplain(), c.firewallDiff(), c.firewallExport(), c.firewallCheck(), c.firewallSchema())
}

func (c *command) firewallSchema() *cobra.Command {
	return &cobra.Command{
		Use:   "schema",
		Short: "Print the JSON Schema of policy files",
		Long:  "Schema prints the JSON Schema of policy files, for editors and validators. It is the same for YAML and JSON.",
		Args:  noArguments,
		RunE: func(*cobra.Command, []string) error {
			_, err := c.stdout.Write(policy.Schema)
			return err
		},
	}
}

// source is a policy's file, read.
type source struct {
	name string
	text []byte
}

// onceFromInput refuses to read standard input twice.
func onceFromInput(args ...string) error {
	n := 0
	for _, a := range args {
		if a == "-" {
			n++
		}
	}
	if n > 1 {
		return usage(errors.New(`standard input, "-", can be read once only: put one of the files on disk`))
	}
	return nil
}

// readSource finds a policy by its name or file.
func readSource(cmd *cobra.Command, arg string) (source, error) {
	if arg == "-" {
		text, err := io.ReadAll(cmd.InOrStdin())
		return source{"standard input", text}, usage(err)
	}
	text, err := os.ReadFile(arg)
	if err == nil {
		return source{arg, text}, nil
	}
	if embedded, notOurs := policy.EmbeddedSource(arg); notOurs == nil {
		return source{arg + ".yaml", embedded}, nil
	}
	if errors.Is(err, fs.ErrNotExist) {
		known := policy.EmbeddedNames()
		return source{}, usage(fmt.Errorf("%s: no such file, and no list of this name comes with the program: there are %s%s",
			arg, strings.Join(known, ", "), nearest.Hint(arg, known)))
	}
	return source{}, usage(err)
}

// policy reads a policy, and says on standard error how it understood a table.
func (c *command) policy(cmd *cobra.Command, arg string) (*policy.Policy, error) {
	s, err := readSource(cmd, arg)
	if err != nil {
		return nil, err
	}
	p, err := policy.Parse(s.name, s.text)
	if err != nil {
		return nil, usage(err)
	}
	c.understood(p)
	return p, nil
}

// understood says how a table was read: nobody should have to trust a guess.
func (c *command) understood(p *policy.Policy) {
	if len(p.Notes) == 0 {
		return
	}
	fmt.Fprintf(c.stderr, "%s: read as a table of %s\n", p.File, size(p))
	for _, n := range p.Notes {
		row := ""
		if n.Entry != "" {
			row = n.Entry + ": "
		}
		fmt.Fprintf(c.stderr, "  line %d: %s%s\n", n.Line, row, n.Words)
	}
}

// size is how much a policy opens, in words.
func size(p *policy.Policy) string {
	domains := 0
	for _, e := range p.Entries {
		for _, d := range e.Destinations {
			if d.Domain != "" {
				domains++
			}
		}
	}
	out := plural(len(p.Entries), "row")
	switch n := p.Pairs(); n {
	case 0:
	case 1:
		out += ", 1 pair of address and port"
	case math.MaxUint64: // and more
		out += ", more pairs of address and port than can be counted"
	default:
		out += fmt.Sprintf(", %d pairs of address and port", n)
	}
	if domains > 0 {
		out += ", " + plural(domains, "domain name")
	}
	return out
}

// clients are the flags that say who uses a policy and what names mean.
type clients struct {
	sources []string
	zone    string
}

func (f *clients) flags(cmd *cobra.Command) {
	cmd.Flags().StringArrayVar(&f.sources, "source", nil, "where the clients are: an address or a network; may be given again (default: everywhere)")
	cmd.Flags().StringVar(&f.zone, "zone", "", "a file that says what domain names mean, in the form of name servers (RFC 1035)")
}

// use is what the flags say.
func (f *clients) use() (policy.Use, error) {
	var u policy.Use
	for _, text := range f.sources {
		prefix, err := netip.ParsePrefix(text)
		if addr, addrErr := netip.ParseAddr(text); addrErr == nil {
			prefix, err = netip.PrefixFrom(addr, addr.BitLen()), nil
		}
		if err != nil {
			return u, usage(fmt.Errorf("--source %q is no address such as 10.0.0.2 and no network such as 10.0.0.0/24", text))
		}
		if prefix != prefix.Masked() {
			return u, usage(fmt.Errorf("--source %s names one host of a network: write %v, or the address alone", text, prefix.Masked()))
		}
		u.Sources = append(u.Sources, prefix)
	}
	zone, err := readZone(f.zone)
	if zone != nil {
		u.Names = policy.NamesOf(zone)
	}
	return u, err
}

// readZone reads the file of --zone, if there is one.
func readZone(file string) (policy.Zone, error) {
	if file == "" {
		return nil, nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, usage(fmt.Errorf("--zone: %w", err))
	}
	zone, err := policy.ParseZone(file, string(text))
	return zone, usage(err)
}

// formatFlag adds --format, whose first value is the default.
func formatFlag(cmd *cobra.Command, into *string, formats ...string) {
	cmd.Flags().StringVar(into, "format", formats[0], "how to write it: "+strings.Join(formats, ", "))
	cmd.PreRunE = func(*cobra.Command, []string) error {
		if slices.Contains(formats, *into) {
			return nil
		}
		return usage(fmt.Errorf("--format %q isn't known: there are %s%s", *into, strings.Join(formats, ", "), nearest.Hint(*into, formats)))
	}
}

// printJSON writes a value for programs to read.
func (c *command) printJSON(v any) error {
	enc := json.NewEncoder(c.stdout)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// exactly refuses another number of arguments, and says which ones are meant.
func exactly(names ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch {
		case len(args) < len(names):
			return usage(fmt.Errorf("%s needs %s", cmd.CommandPath(), strings.Join(names[len(args):], " and ")))
		case len(args) > len(names):
			return usage(fmt.Errorf("%s takes %s, and was given %q too", cmd.CommandPath(), strings.Join(names, " and "), args[len(names)]))
		}
		return nil
	}
}
