package runner

import (
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"strings"
	"sync"
	"unicode"

	"github.com/cucumber/godog"

	"github.com/proxyspec/proxyspec/conformance/runner/internal/start"
	"github.com/proxyspec/proxyspec/conformance/selection"
	"github.com/proxyspec/proxyspec/text/nearest"
)

var _ = start.Over() // godog has begun

var (
	errorType     = reflect.TypeFor[error]()
	docStringType = reflect.TypeFor[*godog.DocString]()
	tableType     = reflect.TypeFor[*godog.Table]()
)

// vocabulary is a list of definitions that were found to be in order.
type vocabulary []word

type word struct {
	Definition
	expr     *regexp.Regexp
	argument reflect.Type // docStringType, tableType, or nil
}

// Check says what is wrong with a list of definitions. godog takes most of it without a word and then
// runs something else, or nothing.
func Check(definitions []Definition) error {
	_, err := newVocabulary(definitions)
	return err
}

func newVocabulary(definitions []Definition) (vocabulary, error) {
	v := make(vocabulary, 0, len(definitions))
	var all []error
	seen := make(map[string]bool, len(definitions))
	for _, d := range definitions {
		w, err := newWord(d)
		if err == nil && seen[d.Expr] {
			err = errors.New("is defined twice")
		}
		if err != nil {
			all = append(all, fmt.Errorf("step definition %q: %w", d.Expr, err))
		}
		seen[d.Expr] = true
		v = append(v, w)
	}
	return v, errors.Join(all...)
}

func newWord(d Definition) (word, error) {
	w := word{Definition: d}
	if !strings.HasPrefix(d.Expr, "^") || !strings.HasSuffix(d.Expr, "$") {
		return w, errors.New("must run from ^ to $, or it matches parts of other steps")
	}
	var err error
	if w.expr, err = compile(d.Expr); err != nil {
		return w, err
	}
	if d.Says == "" || d.Noun == "" {
		return w, errors.New("needs Says and Noun: they are its documentation")
	}
	do := reflect.TypeOf(d.Do)
	if do == nil || do.Kind() != reflect.Func || do.IsVariadic() {
		return w, fmt.Errorf("its Do must be a function with a fixed number of parameters, not %T", d.Do)
	}
	if do.NumOut() > 1 || do.NumOut() == 1 && do.Out(0) != errorType {
		return w, fmt.Errorf("its Do must return an error or nothing, not as %T does", d.Do)
	}
	scalars := do.NumIn()
	if n := do.NumIn(); n > 0 && (do.In(n-1) == docStringType || do.In(n-1) == tableType) {
		w.argument = do.In(n - 1)
		scalars--
	}
	for i := range scalars {
		if in := do.In(i); in != reflect.TypeFor[string]() && !isNumber(in) {
			return w, fmt.Errorf("its Do's parameter %d must be a string or a number, not %v", i+1, in)
		}
	}
	if groups := w.expr.NumSubexp(); groups != scalars {
		return w, fmt.Errorf("has %d groups for its Do's %d parameters; write (?:...) for a group that is no argument", groups, scalars)
	}
	return w, nil
}

// compiled keeps expressions from case to case: a worker makes the same vocabulary for each, and compiling it was a
// thirteenth of a run.
var compiled sync.Map // *regexp.Regexp by its text

func compile(expr string) (*regexp.Regexp, error) {
	if known, ok := compiled.Load(expr); ok {
		return known.(*regexp.Regexp), nil
	}
	made, err := regexp.Compile(expr)
	if err == nil {
		compiled.Store(expr, made)
	}
	return made, err
}

// isNumber tells whether godog converts a group to this type. It converts by kind and then calls with
// the plain type, so a named one would panic.
func isNumber(t reflect.Type) bool {
	switch t {
	case reflect.TypeFor[int](), reflect.TypeFor[int8](), reflect.TypeFor[int16](), reflect.TypeFor[int32](), reflect.TypeFor[int64](),
		reflect.TypeFor[uint](), reflect.TypeFor[uint8](), reflect.TypeFor[uint16](), reflect.TypeFor[uint32](), reflect.TypeFor[uint64](),
		reflect.TypeFor[float32](), reflect.TypeFor[float64]():
		return true
	}
	return false
}

// match is the definition of a step, or why the step would not be run as it is written. It looks before anything
// runs, so that a case that can't be judged isn't begun.
func (v vocabulary) match(s selection.Step) (word, error) {
	var matches []word
	for i := range v {
		if v[i].expr.MatchString(s.Text) {
			matches = append(matches, v[i])
		}
	}
	switch len(matches) {
	case 0:
		return word{}, fmt.Errorf("no step definition matches %q%s; \"proxyspec steps\" lists them all", s.Text, v.hint(s.Text))
	case 1:
	default:
		exprs := make([]string, len(matches))
		for i, w := range matches {
			exprs[i] = w.Expr
		}
		return word{}, fmt.Errorf("%q is ambiguous: %s match it", s.Text, strings.Join(exprs, " and "))
	}
	var has reflect.Type
	switch {
	case s.DocString != nil:
		has = docStringType
	case s.Table != nil:
		has = tableType
	}
	if takes := matches[0].argument; has != takes {
		kinds := map[reflect.Type]string{nil: "nothing", docStringType: "a doc string", tableType: "a table"}
		return word{}, fmt.Errorf("%q takes %s below it, and here has %s", s.Text, kinds[takes], kinds[has])
	}
	return matches[0], nil
}

var (
	blank  = regexp.MustCompile(`<[^>]*>|\[[^]]*\]`) // where a pattern leaves something open
	choice = regexp.MustCompile(`\(([^()]*)\)`)      // where it names what there is to choose from
)

// spelled is a pattern once for each of its choices.
func spelled(pattern string) (all []string) {
	at := choice.FindStringSubmatchIndex(pattern)
	if at == nil {
		return []string{pattern}
	}
	for one := range strings.SplitSeq(pattern[at[2]:at[3]], "|") {
		all = append(all, spelled(pattern[:at[0]]+one+pattern[at[1]:])...)
	}
	return all
}

// hint names the step that was meant.
func (v vocabulary) hint(text string) string {
	patterns := make(map[string]string)
	var candidates []string
	for _, w := range v {
		line, _, _ := strings.Cut(w.Pattern(), "\n")
		for _, one := range append(spelled(line), choice.ReplaceAllString(line, string(nearest.Any))) {
			candidate := blank.ReplaceAllString(one, string(nearest.Any))
			if !strings.ContainsFunc(candidate, unicode.IsLetter) {
				continue // it is like any text
			}
			patterns[candidate] = line
			candidates = append(candidates, candidate)
		}
	}
	if best := nearest.To(text, candidates); best != "" {
		return "; did you mean: " + patterns[best] + "?"
	}
	return ""
}
