package firewall_test

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/proxyspec/proxyspec/sim/firewall"
)

func Example() {
	lan := netip.MustParsePrefix("10.0.0.0/24")
	fw, err := firewall.New(firewall.Whitelist(lan), firewall.Timeouts{})
	if err != nil {
		fmt.Println(err)
		return
	}
	now := time.Date(2026, 1, 1, 9, 0, 0, 0, time.UTC)
	sdk := netip.MustParseAddrPort("10.0.0.2:50000")
	relay := netip.MustParseAddrPort("23.236.115.138:3478")
	elsewhere := netip.MustParseAddrPort("23.236.115.138:3477")

	for _, p := range []firewall.Packet{
		{Proto: firewall.UDP, Src: relay, Dst: sdk, Direction: firewall.Inbound},
		{Proto: firewall.UDP, Src: sdk, Dst: relay},
		{Proto: firewall.UDP, Src: relay, Dst: sdk, Direction: firewall.Inbound},
		{Proto: firewall.UDP, Src: sdk, Dst: elsewhere},
	} {
		v := fw.Decide(now, p)
		fmt.Println(p.Direction, p.Src, "->", p.Dst, v.Action, v.Rule)
	}
	// Output:
	// inbound 23.236.115.138:3478 -> 10.0.0.2:50000 drop unsolicited
	// outbound 10.0.0.2:50000 -> 23.236.115.138:3478 allow T8
	// inbound 23.236.115.138:3478 -> 10.0.0.2:50000 allow established
	// outbound 10.0.0.2:50000 -> 23.236.115.138:3477 drop default
}
