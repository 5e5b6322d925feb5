package explore

import (
	"fmt"
	"math/rand/v2"
)

// draft is a world being drawn.
type draft struct {
	*rand.Rand
	steps []string
	nat   bool // the office has one
	bob   bool // he is in the channel
}

// New draws the world of a number.
func New(seed, number uint64) World {
	d := &draft{Rand: rand.New(rand.NewPCG(seed, number))}
	d.office()
	d.others()
	for i := range 4 + d.IntN(10) {
		d.happen(i)
	}
	return World{Name: fmt.Sprintf("explore-%d-%d", seed, number), Steps: d.steps}
}

func (d *draft) add(format string, args ...any) {
	d.steps = append(d.steps, fmt.Sprintf(format, args...))
}

// one adds one of some steps.
func (d *draft) one(of ...string) { d.add("%s", of[d.IntN(len(of))]) }

// office draws alice's surroundings.
func (d *draft) office() {
	switch d.IntN(4) {
	case 0, 1:
		d.add("the office firewall lets everything out")
	case 2:
		d.one("the office firewall allows the whitelist without row T1", "the office firewall allows the whitelist without rows T4 and T5",
			`the office firewall allows the whitelist without TCP ports "443"`, "the office firewall rejects what it doesn't allow",
			"the office firewall allows the whitelist without rows T8, T9 and T10", `the office firewall allows the whitelist without UDP ports "3478-3490"`)
	}
	if d.IntN(6) == 0 {
		d.add("the office firewall forgets UDP flows that are idle for 30 seconds")
	}
	if d.nat = d.IntN(3) == 0; d.nat {
		kinds := []string{"endpoint-independent", "address-dependent", "address-and-port-dependent"}
		d.add("the office is behind a NAT with %s mapping and %s filtering", kinds[d.IntN(3)], kinds[d.IntN(3)])
	}
	if d.IntN(4) == 0 {
		d.add("from alice to a relay and back it takes %d ms, and %d %% of the packets are lost", 40+20*d.IntN(10), d.IntN(4))
	}
}

// others draws who else there is.
func (d *draft) others() {
	if d.IntN(8) == 0 {
		d.one("the lookup edges take requests and never answer", "the cloud proxy has no account for alice's App ID")
	}
	if d.bob = d.IntN(4) == 0; d.bob {
		d.add(`bob is in "town-hall" outside any firewall`)
		d.add("bob publishes")
	}
}

// happen draws the i-th thing that alice does or that befalls her.
func (d *draft) happen(i int) {
	switch n := d.IntN(20); {
	case n < 6:
		d.one("alice calls startProxyServer", "alice calls startProxyServer", "alice calls stopProxyServer", "alice calls setProxyServer", "alice calls setTurnServer")
	case n < 11:
		d.one(`alice calls join "town-hall"`, `alice calls startProxyServer and join "town-hall"`, `alice begins join "town-hall"`, `alice calls startProxyServer, join "town-hall" and leave without waiting`)
	case n < 13:
		d.add("alice calls leave")
	case n < 15:
		d.add("alice sends \"message %d\"", i)
	case n < 17:
		media := []string{"alice uses her second client", "alice uses her first client", "alice publishes"}
		if d.bob {
			media = append(media, "alice subscribes to bob")
		}
		d.one(media...)
	case n < 19:
		d.one("3 seconds pass", "1 minute passes")
	default:
		d.befall()
	}
}

// befall draws a trouble, or the end of one.
func (d *draft) befall() {
	troubles := []string{
		"relay-1 goes off the network", "relay-1 is back on the network", "relay-2 stops", "relay-2 starts again", "edge-1 goes off the network",
		"edge-2 stops", "gateway-1 stops", "gateway-2 goes off the network", "gateway-2 is back on the network",
		"the office's name server stops", "the office firewall lets no UDP in any more",
		"the office firewall forgets all flows, and drops what belongs to none", "the office firewall forgets all flows, and resets what belongs to none",
	}
	if d.nat {
		troubles = append(troubles, "the office's NAT begins anew, with other ports")
	}
	d.one(troubles...)
}
