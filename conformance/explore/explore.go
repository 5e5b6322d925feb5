// Package explore makes random worlds: scenarios that chance has written, in the words that our steps know, each with
// the rules that hold in any world at its end. A world that breaks a rule is shrunk to the steps that it takes.
//
// The package owns how worlds are drawn and shrunk. The same seed and number give the same world. It runs nothing.
package explore

import (
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/proxyspec/proxyspec/conformance/selection"
)

// World is a scenario but for its end, step by step.
type World struct {
	Name  string // of its file: "explore-1-17"
	Steps []string
}

// end is the last step of every world.
const end = "alice leaves with every client, and every rule that holds in any world was kept"

// New draws the world of a number.
func New(seed, number uint64) World {
	r := rand.New(rand.NewPCG(seed, number))
	w := World{Name: fmt.Sprintf("explore-%d-%d", seed, number)}
	one := func(from []string) { w.Steps = append(w.Steps, from[r.IntN(len(from))]) }
	if r.IntN(2) == 0 {
		w.Steps = append(w.Steps, "the office firewall lets everything out")
	} else if r.IntN(2) == 0 {
		one([]string{
			"the office firewall allows the whitelist without row T1", "the office firewall allows the whitelist without rows T4 and T5",
			`the office firewall allows the whitelist without TCP ports "443"`, "the office firewall rejects what it doesn't allow",
		})
	}
	if r.IntN(3) == 0 {
		w.Steps = append(w.Steps, "the office is behind a NAT")
	}
	if r.IntN(4) == 0 {
		w.Steps = append(w.Steps, fmt.Sprintf("from alice to a relay and back it takes %d ms, and %d %% of the packets are lost", 40+20*r.IntN(10), r.IntN(4)))
	}
	if r.IntN(8) == 0 {
		one([]string{"the lookup edges take requests and never answer", "the cloud proxy has no account for alice's App ID"})
	}
	for i := range 4 + r.IntN(10) {
		switch n := r.IntN(20); {
		case n < 6:
			one([]string{"alice calls startProxyServer", "alice calls startProxyServer", "alice calls stopProxyServer", "alice calls setProxyServer", "alice calls setTurnServer"})
		case n < 11:
			one([]string{`alice calls join "town-hall"`, `alice calls startProxyServer and join "town-hall"`, `alice begins join "town-hall"`, `alice calls startProxyServer, join "town-hall" and leave without waiting`})
		case n < 13:
			w.Steps = append(w.Steps, "alice calls leave")
		case n < 16:
			w.Steps = append(w.Steps, fmt.Sprintf("alice sends \"message %d\"", i))
		case n < 17:
			one([]string{"alice uses her second client", "alice uses her first client", "alice publishes"})
		case n < 19:
			one([]string{"3 seconds pass", "1 minute passes"})
		default:
			one([]string{
				"relay-1 goes off the network", "relay-1 is back on the network", "relay-2 stops", "edge-1 goes off the network", "the office's name server stops",
				"the office firewall forgets all flows, and drops what belongs to none", "the office firewall forgets all flows, and resets what belongs to none",
			})
		}
	}
	return w
}

// Text is the feature file of a world. comments stand at its head.
func (w World) Text(comments ...string) string {
	var b strings.Builder
	for _, c := range comments {
		fmt.Fprintf(&b, "# %s\n", c)
	}
	b.WriteString("Feature: A random world\n\n  Scenario: Every rule was kept\n")
	for _, step := range append(w.Steps[:len(w.Steps):len(w.Steps)], end) {
		fmt.Fprintf(&b, "    * %s\n", step)
	}
	return b.String()
}

// File is the name of its feature file.
func (w World) File() string { return w.Name + ".feature" }

// Case is the world as the runner takes it. Its ID, and so what chance brings in it, is that of its file.
func (w World) Case() selection.Case {
	c := selection.Case{
		ID: "own/" + w.Name + "/every-rule-was-kept", Feature: "A random world", Name: "Every rule was kept", Path: w.File(), Line: 3, Own: true, Source: w.Text(),
	}
	for i, step := range append(w.Steps[:len(w.Steps):len(w.Steps)], end) {
		c.Steps = append(c.Steps, selection.Step{Keyword: "*", Text: step, Line: 4 + i})
	}
	return c
}

// Shrink leaves out steps, many at first and then one by one, as long as what is left still breaks the same rule.
func (w World) Shrink(breaks func(World) bool) World {
	for size := max(1, len(w.Steps)/2); size >= 1; {
		less := false
		for at := 0; at+size <= len(w.Steps); {
			shorter := World{w.Name, append(w.Steps[:at:at], w.Steps[at+size:]...)}
			if breaks(shorter) {
				w, less = shorter, true
				continue
			}
			at++
		}
		if size > 1 {
			size /= 2
		} else if !less {
			break
		}
	}
	return w
}
