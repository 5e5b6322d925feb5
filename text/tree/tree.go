// Package tree reads YAML and JSON into one form in which every value knows where it stands, so that whoever
// judges the values can say "line 12, column 5".
//
// It owns the two syntaxes and nothing of what they mean. Its invariants: every node has a line and a column,
// counted from 1, columns in characters; a map has as many keys as values, in the order of the file, those that
// stand there twice included; whatever the input, the answer is a tree or an *Error, never a panic.
package tree

import "fmt"

// Kind is what a node is.
type Kind uint8

// The kinds. The zero value is a null.
const (
	Null Kind = iota
	Bool
	Number
	String
	List
	Map
)

// String is the kind with its article, as it stands in an error: "a list".
func (k Kind) String() string {
	return [...]string{"nothing", "true or false", "a number", "text", "a list", "a map"}[k]
}

// Node is a value and its place.
type Node struct {
	Kind   Kind
	Text   string // of a scalar: what it means, without quotes; a number and a truth value as they are written
	Quoted bool   // the text stands in quotes
	Line   int
	Column int

	Keys  []*Node // of a map: Keys[i] belongs to Items[i]
	Items []*Node // of a list or a map
}

// Field is the value of a map's key, or nil.
func (n *Node) Field(key string) *Node {
	if n == nil || n.Kind != Map {
		return nil
	}
	for i, k := range n.Keys {
		if k.Text == key {
			return n.Items[i]
		}
	}
	return nil
}

// Error is a mistake in the syntax.
type Error struct {
	Line, Column int
	Message      string
}

func (e *Error) Error() string {
	return fmt.Sprintf("line %d, column %d: %s", e.Line, e.Column, e.Message)
}

// deepest is how far values may nest. A firewall's rules need about ten; recursion without a limit would let a
// file of brackets end the process.
const deepest = 100

var tooDeep = fmt.Sprintf("values are nested more than %d deep", deepest)

// Value is the text of a scalar; of anything else, and of nil, it is empty.
func (n *Node) Value() string {
	if n == nil {
		return ""
	}
	return n.Text
}
