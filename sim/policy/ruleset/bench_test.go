package ruleset_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/sim/policy"
	"github.com/proxyspec/proxyspec/sim/policy/ruleset"
)

// BenchmarkCheck holds a policy against the rules that were made of it.
func BenchmarkCheck(b *testing.B) {
	for _, n := range []int{10, 100, 1000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			var list strings.Builder
			list.WriteString("protocol,destination,ports,purpose\n")
			for i := range n {
				fmt.Fprintf(&list, "TCP,100.64.%d.%d,\"443, 4000, 3433-3460\",media\n", i>>8, i&255)
			}
			p, err := policy.Parse("list.csv", []byte(list.String()))
			require.NoError(b, err)
			text, err := p.Export(policy.IPTables, policy.Use{})
			require.NoError(b, err)
			for b.Loop() {
				rs, err := ruleset.Parse("rules", []byte(text))
				require.NoError(b, err)
				report, err := ruleset.Check(p, rs, ruleset.Options{})
				require.NoError(b, err)
				require.False(b, report.Missing() || report.Undecided())
			}
		})
	}
}
