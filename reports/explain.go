package reports

import (
	"fmt"
	"strings"

	"github.com/proxyspec/proxyspec/conformance/result"
	"github.com/proxyspec/proxyspec/conformance/timeline"
)

// feature is the cases of one feature file.
type feature struct {
	Name, Path string
	Cases      []result.Case
}

// featuresOf groups cases by their file, in the order in which the files first occur.
func featuresOf(cases []result.Case) []feature {
	var features []feature
	index := make(map[string]int)
	for _, c := range cases {
		i, ok := index[c.Path]
		if !ok {
			i = len(features)
			index[c.Path] = i
			features = append(features, feature{Name: c.Feature, Path: c.Path})
		}
		features[i].Cases = append(features[i].Cases, c)
	}
	return features
}

func catalogueOf(run *result.Run) map[string]result.Requirement {
	catalogue := make(map[string]result.Requirement, len(run.Requirements))
	for _, r := range run.Requirements {
		catalogue[r.ID] = r
	}
	return catalogue
}

// explain says why a case did not pass, a line a fact. It needs c.Failure.
func explain(c result.Case) []string {
	f := c.Failure
	var lines []string
	add := func(label, text string) {
		if text != "" {
			lines = append(lines, fmt.Sprintf("%-9s %s", label, indent(text, 10)))
		}
	}
	add("step", f.Step)
	add("message", f.Message)
	add("expected", f.Expected)
	add("actual", f.Actual)
	add("cause", f.Cause)
	add("nearest", nearestWords(f))
	add("variants", vainWords(f))
	add("known", c.Known)
	h := hostsOf(c)
	for i := range f.Events {
		label := ""
		switch {
		case f.Events[i].Seq == f.Deciding():
			label = "decides"
		case i == 0:
			label = "proof"
		}
		add(label, proof(h, &f.Events[i]))
	}
	add("replay", f.Replay)
	return lines
}

// proof is one event of a timeline as evidence: its number, time and words.
func proof(h hosts, e *timeline.Event) string {
	return fmt.Sprintf("#%d %s s  %s", e.Seq, clock(e.At), h.sentence(e))
}

// evidence is what a case leaves for someone who reads nothing but plain text.
func evidence(c result.Case, catalogue map[string]result.Requirement) string {
	var b strings.Builder
	fmt.Fprintf(&b, "\ncase      %s\nat        %s:%d\n", c.ID, c.Path, c.Line)
	for _, id := range c.Requirements {
		r := catalogue[id]
		fmt.Fprintf(&b, "proves    %s\n", strings.TrimSpace(fmt.Sprintf("%s %s %s", id, r.Level, r.Statement)))
	}
	fmt.Fprintf(&b, "seed      %d\n", c.Seed)
	if c.Failure != nil && c.Failure.Replay != "" {
		fmt.Fprintf(&b, "replay    %s\n", c.Failure.Replay)
	}
	fmt.Fprintf(&b, "time      %s for %s of timeline\n", span(c.Wall), span(c.Virtual))
	if c.Evidence.Capture != "" {
		fmt.Fprintf(&b, "capture   %s\n", c.Evidence.Capture)
	}
	if c.Evidence.Timeline != "" {
		fmt.Fprintf(&b, "timeline  %s\n", c.Evidence.Timeline)
	}
	b.WriteByte('\n')
	for _, s := range c.Steps {
		fmt.Fprintf(&b, "%-15s %s %s\n", shown(s.Outcome), s.Keyword, s.Text)
		if s.Error != "" {
			fmt.Fprintf(&b, "%-15s %s\n", "", indent(s.Error, 16))
		}
	}
	if c.Failure != nil && len(c.Failure.Events) > 0 {
		b.WriteByte('\n')
		h := hostsOf(c)
		for i := range c.Failure.Events {
			fmt.Fprintln(&b, proof(h, &c.Failure.Events[i]))
		}
	}
	b.WriteByte('\n')
	for _, name := range c.Evidence.Files() {
		fmt.Fprintf(&b, "[[ATTACHMENT|%s]]\n", name)
	}
	return b.String()
}

// indent moves every line but the first to the right.
func indent(text string, by int) string {
	return strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n"+strings.Repeat(" ", by))
}
