package policy_test

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/proxyspec/proxyspec/sim/firewall"
	"github.com/proxyspec/proxyspec/sim/policy"
)

// The table as it is copied from the vendor's page becomes a firewall that says why it drops a packet.
func Example() {
	p, err := policy.Parse("table.txt", []byte(`
Protocol Destination Port Purpose
TCP 23.236.115.138 443, 4000
3433 - 3460
Message data transmission
Media data exchange
`))
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, note := range p.Notes {
		fmt.Println(note)
	}
	why, err := p.Explain(policy.Question{
		Proto: firewall.TCP, Src: netip.MustParseAddr("10.0.0.2"), Dst: netip.MustParseAddrPort("23.236.115.138:3461"),
	}, policy.Use{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(why.Verdict, "-", why.Nearest.Words)
	// Output:
	// table.txt:3:1: row T1: TCP 23.236.115.138, 30 ports (443, 4000, 3433-3460): Message data transmission and Media data exchange
	// drop - TCP 3461 is one above row T1's range 3433-3460
}

// Rules by domain name follow the answers of the name service.
func ExampleNames() {
	p, err := policy.Parse("list.csv", []byte("protocol,destination,port,purpose\nTCP,edge.example,443,edge\n"))
	if err != nil {
		fmt.Println(err)
		return
	}
	var names policy.Names
	now := time.Date(2026, 1, 1, 9, 0, 0, 0, time.UTC)
	names.Learn(now, "edge.example", []netip.Addr{netip.MustParseAddr("192.0.2.17")}, time.Minute)
	for _, at := range []time.Time{now, names.Change(now)} {
		fmt.Println(len(p.Compile(policy.Use{Names: &names, Now: at}).Rules), "rules at", at.Format(time.TimeOnly))
	}
	// Output:
	// 1 rules at 09:00:00
	// 0 rules at 09:01:00
}
