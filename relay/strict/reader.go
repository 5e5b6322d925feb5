// Package strict reads an operator's YAML file and takes nothing for granted: what it doesn't know, what stands
// there twice, what is missing or of the wrong kind is a mistake, and every mistake of the file is found at once,
// with its line and column.
//
//	r, root := strict.YAML("accounts.yaml", source)
//	r.Fields(root, "the file", map[string]func(*tree.Node){
//		"accounts": func(n *tree.Node) { ... r.Text(n, "the name") ... },
//	}, "accounts")
//	err := r.Err()
//
// It knows no file in particular, opens none, and keeps nothing.
package strict

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/proxyspec/proxyspec/text/nearest"
	"github.com/proxyspec/proxyspec/text/tree"
)

// most is how many mistakes are told: beyond them a file isn't what it was taken for.
const most = 20

// Reader collects what is wrong with one file.
type Reader struct {
	name  string
	wrong []error
	more  int
}

// YAML reads a file's text. Root is nil if it isn't YAML, and every method of the reader takes a nil node for one
// whose mistake has been told.
func YAML(name string, source []byte) (r *Reader, root *tree.Node) {
	r = &Reader{name: name}
	root, err := tree.YAML(source)
	if syntax := new(tree.Error); errors.As(err, &syntax) {
		r.Wrong(&tree.Node{Line: syntax.Line, Column: syntax.Column}, "%s", syntax.Message)
		return r, nil
	}
	return r, root
}

// Wrong tells a mistake: what is wrong at a node, and what to do.
func (r *Reader) Wrong(at *tree.Node, format string, args ...any) {
	if len(r.wrong) == most {
		r.more++
		return
	}
	r.wrong = append(r.wrong, fmt.Errorf("%s:%d:%d: "+format, append([]any{r.name, at.Line, at.Column}, args...)...))
}

// Err is all that was wrong, in the file's order of reading, or nil.
func (r *Reader) Err() error {
	if r.more > 0 {
		return errors.Join(append(slices.Clip(r.wrong), fmt.Errorf("%s: and %d mistakes more", r.name, r.more))...)
	}
	return errors.Join(r.wrong...)
}

// Fields hands each field of a map to its reader, and finds those that nobody knows, that stand there twice and
// that are missing. What is the map in words: "an account".
func (r *Reader) Fields(n *tree.Node, what string, read map[string]func(*tree.Node), must ...string) {
	if n == nil {
		return
	}
	if n.Kind != tree.Map {
		r.Wrong(n, "%s must be a map of fields, not %v", what, n.Kind)
		return
	}
	known := slices.Sorted(maps.Keys(read))
	found := make(map[string]bool, len(n.Keys))
	for i, key := range n.Keys { // none is there twice: that is no YAML
		do := read[key.Text]
		if do == nil {
			hint := nearest.Hint(key.Text, known)
			if hint == "" {
				hint = "; known are " + strings.Join(known, ", ")
			}
			r.Wrong(key, "%s has no field %q%s", what, key.Text, hint)
			continue
		}
		found[key.Text] = true
		do(n.Items[i])
	}
	for _, key := range must {
		if !found[key] {
			r.Wrong(n, "%s needs the field %q", what, key)
		}
	}
}

// Items hands each item of a list to its reader.
func (r *Reader) Items(n *tree.Node, what string, read func(*tree.Node)) {
	if n == nil {
		return
	}
	if n.Kind != tree.List {
		r.Wrong(n, "%s must be a list, not %v", what, n.Kind)
		return
	}
	for _, item := range n.Items {
		read(item)
	}
}

// Text is a text that isn't empty.
func (r *Reader) Text(n *tree.Node, what string) string {
	switch {
	case n == nil:
		return ""
	case n.Kind != tree.String:
		advice := ""
		if n.Kind == tree.Number || n.Kind == tree.Bool {
			advice = fmt.Sprintf(": write %q, in quotes, to mean the text", n.Text)
		}
		r.Wrong(n, "%s must be text, not %v%s", what, n.Kind, advice)
		return ""
	case strings.TrimSpace(n.Text) == "":
		r.Wrong(n, "%s is empty", what)
	}
	return n.Text
}

// Texts is a list of different texts, at least one.
func (r *Reader) Texts(n *tree.Node, what, each string) (texts []string) {
	mistakes := len(r.wrong)
	r.Items(n, what, func(item *tree.Node) {
		text := r.Text(item, each)
		if slices.Contains(texts, text) {
			r.Wrong(item, "%q stands here for the second time: keep one", text)
			return
		}
		texts = append(texts, text)
	})
	if n != nil && len(texts) == 0 && len(r.wrong) == mistakes {
		r.Wrong(n, "%s is empty: name at least one", what)
	}
	return texts
}

// Word is one of the words that are known.
func (r *Reader) Word(n *tree.Node, what string, known ...string) string {
	text := r.Text(n, what)
	if text != "" && !slices.Contains(known, text) {
		r.Wrong(n, "%s is %q, and must be %s%s", what, text, strings.Join(known, " or "), nearest.Hint(text, known))
	}
	return text
}

// Whole is a whole number from least up.
func (r *Reader) Whole(n *tree.Node, what string, least int) int {
	if n == nil {
		return least
	}
	number, err := strconv.Atoi(n.Text)
	switch {
	case n.Kind != tree.Number:
		r.Wrong(n, "%s must be a whole number, not %v", what, n.Kind)
	case err != nil || number < least || number > math.MaxInt32:
		r.Wrong(n, "%s is %s, and must be a whole number from %d to %d", what, n.Text, least, math.MaxInt32)
	}
	return number
}
