package ruleset_test

import (
	"fmt"

	"github.com/proxyspec/proxyspec/sim/policy"
	"github.com/proxyspec/proxyspec/sim/policy/ruleset"
)

func Example() {
	list, err := policy.Parse("list.csv", []byte("id,protocol,destination,ports,purpose\nR1,TCP,192.0.2.138,\"443, 3433-3460\",media\n"))
	if err != nil {
		fmt.Println(err)
		return
	}
	rules, err := ruleset.Parse("rules.v4", []byte(`*filter
:FORWARD DROP [0:0]
-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -d 192.0.2.138/32 -p tcp -m multiport --dports 443,3433:3450 -j ACCEPT
COMMIT
`))
	if err != nil {
		fmt.Println(err)
		return
	}
	report, err := ruleset.Check(list, rules, ruleset.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, row := range report.Rows {
		fmt.Println(row.ID, row.Status, row.Gaps)
	}
	// Output:
	// R1 partly open [TCP 192.0.2.138 ports 3451-3460 (media)]
}
