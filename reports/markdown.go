package reports

import (
	"fmt"
	"io"
	"strings"

	"github.com/proxyspec/proxyspec/conformance/result"
)

// longestMarkdown keeps summary.md below what CI servers show of a job's summary: GitHub takes 1 MiB.
const longestMarkdown = 200_000

// Markdown writes summary.md: the verdict, the counts and the failures for the summary of a CI job.
func Markdown(w io.Writer, run *result.Run) error {
	var b strings.Builder
	fmt.Fprintf(&b, "## %s %s\n\n", symbol(mood(run.Verdict)), headline(run))
	for _, r := range reasons(run) {
		fmt.Fprintf(&b, "%s\n", plainly(r))
	}
	b.WriteString("\n| | MUST | SHOULD |\n|---|---|---|\n")
	for _, subject := range []struct {
		name string
		pick which
	}{{"The SDK", isSDK}, {"The ground", isGround}} {
		fmt.Fprintf(&b, "| %s | %s | %s |\n", subject.name,
			tallyOf(run, subject.pick, isMust).words(), tallyOf(run, subject.pick, isShould).words())
	}
	fmt.Fprintf(&b, "\n%s %s (`--sdk %s`), %s network, seed %d. Scenarios: %s. Took %s for %s of timeline.\n", plainly(run.SDK.Name),
		plainly(run.SDK.Version), run.SDK.Selected, run.SDK.Network, run.Seed, tallyCases(run.Cases).words(), span(run.Wall), span(run.Virtual))
	catalogue := catalogueOf(run)
	told, more := 0, 0
	for _, c := range run.Cases {
		switch {
		case !troubled(c.Outcome):
		case told >= toldFailures || b.Len() > longestMarkdown:
			more++
		default:
			told++
			markdownFailure(&b, c, catalogue)
		}
	}
	if more > 0 {
		fmt.Fprintf(&b, "\n… and %s more, in the report.\n", plural(more, "case", "cases"))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func markdownFailure(b *strings.Builder, c result.Case, catalogue map[string]result.Requirement) {
	fmt.Fprintf(b, "\n### %s %s\n\n", symbol(c.Outcome), plainly(c.Name))
	for _, id := range c.Requirements {
		fmt.Fprintf(b, "**%s** %s: %s\n", id, catalogue[id].Level, plainly(catalogue[id].Statement))
	}
	fmt.Fprintf(b, "\n`%s:%d`\n", c.Path, c.Line)
	if c.Failure == nil {
		return
	}
	lines := explain(c)
	for i, line := range lines {
		lines[i] = clip(printable(strings.ReplaceAll(line, "```", "'''")), 600)
	}
	fmt.Fprintf(b, "\n```text\n%s\n```\n", strings.Join(lines, "\n"))
}

// plainly keeps anybody's words from being Markdown.
func plainly(words string) string {
	return strings.NewReplacer("\\", "\\\\", "`", "\\`", "*", "\\*", "_", "\\_", "<", "&lt;", "[", "\\[", "|", "\\|", "#", "\\#").Replace(oneLine(words))
}

// Annotations writes failures as workflow commands of GitHub Actions, which shows them at the scenario's line.
func Annotations(w io.Writer, run *result.Run) error {
	for _, c := range run.Cases {
		if !troubled(c.Outcome) {
			continue
		}
		text := string(shown(c.Outcome))
		if c.Failure != nil {
			text = note(text, c.Failure.Error(), c.Failure.Cause)
			if c.Failure.Replay != "" {
				text += "\n" + c.Failure.Replay
			}
		}
		title := strings.Join(append([]string{c.Name}, c.Requirements...), ", ")
		if _, err := fmt.Fprintf(w, "::error file=%s,line=%d,title=%s::%s\n", command(c.Path, true), c.Line, command(title, true), command(text, false)); err != nil {
			return err
		}
	}
	return nil
}

// command escapes words for a workflow command.
func command(words string, property bool) string {
	words = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A").Replace(printable(words))
	if property {
		words = strings.NewReplacer(":", "%3A", ",", "%2C").Replace(words)
	}
	return words
}
