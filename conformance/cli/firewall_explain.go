package cli

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/proxyspec/proxyspec/sim/firewall"
	"github.com/proxyspec/proxyspec/sim/policy"
)

func (c *command) firewallExplain() *cobra.Command {
	var list, format string
	var who clients
	cmd := &cobra.Command{
		Use:   "explain PROTO SRC DST:PORT",
		Short: "Say why a packet passes, or what it would have needed",
		Long: `Explain says what a firewall with this list does with the first packet of a connection, by which row, and, if it
is dropped, which row would have matched if the packet differed least. DST may be a domain name if a zone says what
it means.

Exit codes: 0 it is explained, whatever the verdict; 2 usage, or a file that can't be read.`,
		Example: `  proxyspec firewall explain tcp 10.0.0.2 23.236.115.138:3461
  proxyspec firewall explain udp 10.0.0.2 203.0.113.25:3478 --policy policy.yaml --source 10.0.0.0/24
  proxyspec firewall explain tcp 10.0.0.2 edge-1.cloud-proxy.example:443 --policy cloud-proxy-production --zone zone.txt`,
		Args: exactly("PROTO", "SRC", "DST:PORT"),
		RunE: func(cmd *cobra.Command, args []string) error {
			questions, err := c.questions(args, &who)
			if err != nil {
				return err
			}
			use, err := who.use()
			if err != nil {
				return err
			}
			p, err := c.policy(cmd, list)
			if err != nil {
				return err
			}
			return c.explain(p, questions, use, format)
		},
	}
	cmd.Flags().SortFlags = false
	cmd.Flags().StringVar(&list, "policy", policy.CloudProxyTest, "the list: a POLICY")
	who.flags(cmd)
	formatFlag(cmd, &format, "text", "json")
	return cmd
}

// questions are what the user asks, one for each address of a name.
func (c *command) questions(args []string, who *clients) ([]policy.Question, error) {
	q := policy.Question{}
	switch strings.ToUpper(args[0]) {
	case "TCP":
		q.Proto = firewall.TCP
	case "UDP":
		q.Proto = firewall.UDP
	default:
		return nil, usage(fmt.Errorf("PROTO %q isn't tcp or udp: a list opens nothing else", args[0]))
	}
	var err error
	if q.Src, err = netip.ParseAddr(args[1]); err != nil {
		return nil, usage(fmt.Errorf("SRC %q is no address such as 10.0.0.2", args[1]))
	}
	if q.Dst, err = netip.ParseAddrPort(args[2]); err == nil && q.Dst.Port() > 0 {
		return []policy.Question{q}, checkFamilies(q)
	}
	i := strings.LastIndexByte(args[2], ':')
	if i < 0 {
		return nil, usage(fmt.Errorf("DST:PORT %q has no port: write %s:443", args[2], args[2]))
	}
	name, digits := args[2][:i], args[2][i+1:]
	port, err := strconv.ParseUint(digits, 10, 16)
	if err != nil || port == 0 {
		return nil, usage(fmt.Errorf("DST:PORT %q: %q is no port: ports are 1 to 65535", args[2], digits))
	}
	d, err := policy.ParseDestination(name)
	switch {
	case err != nil || d.Domain == "" || strings.HasPrefix(d.Domain, "*"):
		return nil, usage(fmt.Errorf("DST:PORT %q: %q is no address and no domain name; an IPv6 address stands in brackets", args[2], name))
	case who.zone == "":
		return nil, usage(fmt.Errorf("DST:PORT %q is a name: say with --zone FILE what it means, or write an address", args[2]))
	}
	use, err := who.use()
	if err != nil {
		return nil, err
	}
	var out []policy.Question
	for _, a := range use.Names.Addresses(time.Time{}, d.Domain) {
		if a.BitLen() == q.Src.Unmap().BitLen() {
			q.Dst = netip.AddrPortFrom(a, uint16(port))
			out = append(out, q)
		}
	}
	if len(out) == 0 {
		return nil, usage(fmt.Errorf("DST:PORT %q: %s has no address of the family of %v in %s", args[2], d.Domain, q.Src, who.zone))
	}
	return out, nil
}

func checkFamilies(q policy.Question) error {
	if q.Src.Unmap().BitLen() != q.Dst.Addr().Unmap().BitLen() {
		return usage(fmt.Errorf("SRC %v and DST %v: one is IPv4 and the other IPv6", q.Src, q.Dst.Addr()))
	}
	return nil
}

func (c *command) explain(p *policy.Policy, questions []policy.Question, use policy.Use, format string) error {
	answers := make([]policy.Explanation, 0, len(questions))
	for _, q := range questions {
		e, err := p.Explain(q, use)
		if err != nil {
			return usage(err)
		}
		answers = append(answers, e)
	}
	switch {
	case format == "text":
		for _, e := range answers {
			fmt.Fprint(c.stdout, e.Text())
		}
		return nil
	case len(answers) == 1:
		return c.printJSON(answers[0])
	}
	return c.printJSON(answers)
}
