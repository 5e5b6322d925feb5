package selection

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"

	gherkin "github.com/cucumber/gherkin/go/v42"
	messages "github.com/cucumber/messages/go/v34"

	"github.com/proxyspec/proxyspec/text/nearest"
)

// check collects what is wrong with a file that Gherkin finds in order: what would silently test less
// than it says.
type check struct {
	reader
	path  string
	lines []string // of the file
	found []error
}

// check looks at one file. Its error has a line for each mistake.
func (r reader) check(path string, doc *messages.GherkinDocument, lines []string, all []block) error {
	c := check{reader: r, path: path, lines: lines}
	if len(all) == 0 {
		c.mistake(doc.Feature.Location, "the feature has no scenario")
	}
	c.tags(doc.Feature.Tags)
	for _, child := range doc.Feature.Children {
		c.background(child.Background)
		if child.Rule != nil {
			c.tags(child.Rule.Tags)
			for _, inner := range child.Rule.Children {
				c.background(inner.Background)
			}
		}
	}
	c.proofs(doc, all)
	outlines := gherkin.DialectsBuiltin().GetDialect(doc.Feature.Language).ScenarioOutlineKeywords()
	for _, b := range all {
		c.scenario(b.scenario, slices.Contains(outlines, b.scenario.Keyword))
	}
	eachStep(doc, func(s *messages.Step) {
		if s.DataTable != nil && s.DocString != nil {
			c.mistake(s.Location, "a step takes a table or a doc string, not both")
		}
	})
	return errors.Join(c.found...)
}

func (c *check) mistake(at *messages.Location, format string, args ...any) {
	c.found = append(c.found, fmt.Errorf("%s:%d: %w", c.path, at.Line, fmt.Errorf(format, args...)))
}

func (c *check) background(b *messages.Background) {
	if b != nil {
		c.description(b.Location, b.Description)
	}
}

// keywords begin steps.
var keywords = []string{"Given", "When", "Then", "And", "But"}

// description looks for steps whose keyword is misspelled or left out. Before the first step Gherkin takes such a line for
// text about the scenario, which would do without it and say nothing.
func (c *check) description(above *messages.Location, text string) {
	if c.isStep == nil {
		return
	}
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if c.meantAsStep(line) {
			at := *above
			for i := int(above.Line); i < len(c.lines); i++ {
				if strings.TrimSpace(c.lines[i]) == line {
					at.Line = int64(i + 1)
					break
				}
			}
			c.mistake(&at, "%q is read as a description, and not run: a step begins with Given, When, Then, And or But", line)
		}
	}
}

// meantAsStep tells a step from a sentence that has a step's words in it.
func (c *check) meantAsStep(line string) bool {
	words := strings.Fields(line)
	if len(words) == 0 {
		return false
	}
	isStep := func(words []string) bool {
		text := strings.Join(words, " ")
		return c.isStep(placeholder.ReplaceAllString(text, "x")) || c.isStep(placeholder.ReplaceAllString(text, "1"))
	}
	if first := strings.TrimSuffix(words[0], ":"); nearest.To(first, keywords) != "" && isStep(words[1:]) {
		return true
	}
	return unicode.IsLower([]rune(line)[0]) && isStep(words)
}

func (c *check) scenario(s *messages.Scenario, outline bool) {
	c.tags(s.Tags)
	c.description(s.Location, s.Description)
	if strings.TrimSpace(s.Name) == "" {
		c.mistake(s.Location, "the scenario has no name")
	}
	if len(s.Steps) == 0 {
		c.mistake(s.Location, "the scenario %q has no steps", s.Name)
	}
	if outline && len(s.Examples) == 0 {
		c.mistake(s.Location, "the outline %q has no examples, so it would run once with its <placeholders>", s.Name)
	}
	for _, e := range s.Examples {
		c.tags(e.Tags)
		if len(e.TableBody) == 0 {
			c.mistake(e.Location, "the examples of %q have no rows, so they would test nothing", s.Name)
			continue
		}
		c.columns(s, e)
	}
}

// proofs looks for scenarios that say only what is done, and never what must come of it: they would pass whatever does.
// A "*" may begin any step, and so do the words of a language that have several meanings.
func (c *check) proofs(doc *messages.GherkinDocument, all []block) {
	if c.isStep == nil {
		return
	}
	proves := func(steps []*messages.Step) bool {
		return slices.ContainsFunc(steps, func(s *messages.Step) bool {
			return s.KeywordType == messages.StepKeywordType_OUTCOME || s.KeywordType == messages.StepKeywordType_UNKNOWN
		})
	}
	for _, child := range doc.Feature.Children {
		if child.Background != nil && proves(child.Background.Steps) {
			return
		}
	}
	for _, b := range all {
		if s := b.scenario; len(s.Steps) > 0 && !proves(s.Steps) {
			c.mistake(s.Location, "the scenario %q has no Then: it would pass whatever comes of its steps", s.Name)
		}
	}
}

// placeholder matches what an outline's step leaves to its rows.
var placeholder = regexp.MustCompile(`<([^<>]+)>`)

// columns looks for placeholders that no row fills. It leaves doc strings and tables alone, where
// brackets may be anything.
func (c *check) columns(s *messages.Scenario, e *messages.Examples) {
	var columns []string
	for _, cell := range e.TableHeader.Cells {
		if slices.Contains(columns, cell.Value) {
			c.mistake(cell.Location, "two columns are named %q", cell.Value)
		}
		columns = append(columns, cell.Value)
	}
	for _, step := range s.Steps {
		for _, m := range placeholder.FindAllStringSubmatch(step.Text, -1) {
			if !slices.Contains(columns, m[1]) {
				c.mistake(step.Location, "the examples in line %d have no column for %s%s", e.Location.Line, m[0], nearest.Hint(m[1], columns))
			}
		}
	}
}

func (c *check) tags(tags []*messages.Tag) {
	for _, tag := range tags {
		if err := c.knows(tag.Name); err != nil {
			c.mistake(tag.Location, "%w", err)
		}
	}
}

// requirementTag matches what is meant to name a requirement, well spelled or not.
var requirementTag = regexp.MustCompile(`(?i)^@CP[-_]`)

// knows refuses a tag that means a requirement and names none.
func (r reader) knows(tag string) error {
	if !requirementTag.MatchString(tag) || slices.Contains(r.requirements, strings.TrimPrefix(tag, "@")) {
		return nil
	}
	tags := make([]string, len(r.requirements))
	for i, id := range r.requirements {
		tags[i] = "@" + id
	}
	return fmt.Errorf("%s names no requirement of the catalogue%s", tag, nearest.Hint(tag, tags))
}
