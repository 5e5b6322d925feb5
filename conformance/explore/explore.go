// Package explore makes random worlds: scenarios that chance has written, in the words that our steps know, each with
// the rules that hold in any world at its end. A world that breaks a rule is shrunk to the steps that it takes.
//
// The package owns how worlds are drawn and shrunk. The same seed and number give the same world. It runs nothing.
package explore

import (
	"fmt"
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
