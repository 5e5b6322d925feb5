package selection

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	tagexpressions "github.com/cucumber/tag-expressions/go/v6"

	"github.com/proxyspec/proxyspec/text/nearest"
)

// filter is a tag expression in Cucumber's language: "@CP-FLOW-01 and not @slow".
type filter struct {
	text  string
	match tagexpressions.Evaluatable
	tags  []string // that the expression names
}

// newFilter reads an expression; an empty one lets everything pass.
func (r reader) newFilter(text string) (*filter, error) {
	match, err := parse(text)
	if err != nil {
		return nil, fmt.Errorf("--tags %q can't be read: %s\nAn expression is made of tags, and, or, not and brackets: \"@CP-FLOW-01 and not @slow\"", text, reason(err))
	}
	f := &filter{text: text, match: match}
	if strings.TrimSpace(text) == "" {
		return f, nil
	}
	for word := range strings.FieldsSeq(match.ToString()) {
		if slices.Contains([]string{"(", ")", "and", "or", "not"}, word) {
			continue
		}
		if !strings.HasPrefix(word, "@") {
			return nil, fmt.Errorf("--tags %q: %q is no tag; a tag begins with @, as in %q", text, word, "@"+strings.TrimLeft(word, "~!@"))
		}
		if strings.Contains(word, ",@") {
			return nil, fmt.Errorf("--tags %q: write \"or\" between tags, not a comma", text)
		}
		if err := r.knows(word); err != nil {
			return nil, fmt.Errorf("--tags %q: %w", text, err)
		}
		f.tags = append(f.tags, word)
	}
	return f, nil
}

// parse reads an expression. The library panics on one that ends with an operator, such as "@a and" (v6.2.0).
func parse(text string) (match tagexpressions.Evaluatable, err error) {
	defer func() {
		if recover() != nil {
			err = errors.New("it ends where a tag should follow")
		}
	}()
	return tagexpressions.Parse(text)
}

// reason is the library's error without its repetition of the expression.
func reason(err error) string {
	_, text, found := strings.Cut(err.Error(), "because of syntax error: ")
	if !found {
		text = err.Error()
	}
	return strings.TrimSuffix(text, ".")
}

// none says that no case passed the filter, and which of its tags the cases don't know.
func (f *filter) none(cases []Case) error {
	known := make(map[string]bool)
	var names []string
	for _, c := range cases {
		for _, tag := range c.Tags {
			if !known[tag] {
				known[tag] = true
				names = append(names, tag)
			}
		}
	}
	slices.Sort(names)
	var why []string
	for _, tag := range f.tags {
		if !known[tag] {
			why = append(why, fmt.Sprintf("no scenario here has the tag %s%s", tag, nearest.Hint(tag, names)))
		}
	}
	if len(why) == 0 {
		why = []string{"each of its tags exists, but no scenario has this combination"}
	}
	return errors.New(fmt.Sprintf("--tags %q selects nothing of %d cases: ", f.text, len(cases)) + strings.Join(why, ", "))
}
