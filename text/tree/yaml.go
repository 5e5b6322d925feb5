package tree

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// YAML reads one YAML document. An empty one is a null. Anchors, aliases, merges and tags are refused: a file
// that people check by eye shouldn't mean anything that isn't written where they look.
func YAML(source []byte) (root *Node, err error) {
	source = bytes.TrimPrefix(source, []byte("\ufeff")) // with which some editors begin a file (YAML 1.2, section 5.2)
	if e := shallow(source); e != nil {
		return nil, e
	}
	defer func() { // of the library's own, on input that it didn't expect
		if r := recover(); r != nil {
			root, err = nil, &Error{1, 1, fmt.Sprintf("not YAML that can be read: %v", r)}
		}
	}()
	file, err := parser.ParseBytes(source, 0)
	if err != nil {
		return nil, yamlError(err)
	}
	var bodies []ast.Node
	for _, doc := range file.Docs {
		if doc.Body != nil && doc.Body.Type() != ast.CommentType {
			bodies = append(bodies, doc.Body)
		}
	}
	switch len(bodies) {
	case 0:
		return &Node{Line: 1, Column: 1}, nil
	case 1:
		return yamlValue(bodies[0], 0)
	}
	second, err := yamlValue(bodies[1], 0)
	if err != nil {
		return nil, err
	}
	return nil, &Error{second.Line, second.Column, `a second YAML document, after "---": it would not be read`}
}

func yamlError(err error) error {
	var e yaml.Error
	if !errors.As(err, &e) || e.GetToken() == nil {
		return &Error{1, 1, err.Error()}
	}
	p := e.GetToken().Position
	return &Error{max(p.Line, 1), max(p.Column, 1), e.GetMessage()}
}

func yamlValue(node ast.Node, depth int) (*Node, error) {
	line, column := place(node)
	n := &Node{Line: line, Column: column}
	if depth == deepest {
		return nil, &Error{line, column, tooDeep}
	}
	switch v := node.(type) {
	case nil, *ast.NullNode:
	case *ast.BoolNode:
		n.Kind, n.Text = Bool, v.Token.Value
	case *ast.IntegerNode:
		n.Kind, n.Text = Number, v.Token.Value
	case *ast.FloatNode:
		n.Kind, n.Text = Number, v.Token.Value
	case *ast.StringNode:
		n.Kind, n.Text = String, v.Value
		n.Quoted = v.Token.Type == token.DoubleQuoteType || v.Token.Type == token.SingleQuoteType
	case *ast.LiteralNode:
		n.Kind, n.Text, n.Quoted = String, strings.TrimRight(v.Value.Value, "\n"), true
	case *ast.SequenceNode:
		n.Kind = List
		for _, item := range v.Values {
			child, err := yamlValue(item, depth+1)
			if err != nil {
				return nil, err
			}
			n.Items = append(n.Items, child)
		}
	case *ast.MappingNode:
		return n, yamlMap(n, v.Values, depth)
	case *ast.MappingValueNode:
		return n, yamlMap(n, []*ast.MappingValueNode{v}, depth)
	default:
		return nil, &Error{line, column, fmt.Sprintf("%s can't be read here: write the value itself", strings.ToLower(node.Type().String()))}
	}
	return n, nil
}

func yamlMap(n *Node, pairs []*ast.MappingValueNode, depth int) error {
	n.Kind = Map
	for i, pair := range pairs {
		key, err := yamlValue(pair.Key, depth+1)
		if err != nil {
			return err
		}
		if i == 0 {
			n.Line, n.Column = key.Line, key.Column // the library puts a map at its first colon
		}
		item, err := yamlValue(pair.Value, depth+1)
		if err != nil {
			return err
		}
		n.Keys, n.Items = append(n.Keys, key), append(n.Items, item)
	}
	return nil
}

func place(node ast.Node) (line, column int) {
	if node == nil || node.GetToken() == nil || node.GetToken().Position == nil {
		return 1, 1
	}
	p := node.GetToken().Position
	return max(p.Line, 1), max(p.Column, 1)
}

// shallow refuses what would nest too deep for the library, which recurses without a limit. It counts
// brackets and the markers that open a block inside a line, without regard to quotes: no policy comes near.
func shallow(source []byte) *Error {
	open, line := 0, 0
	for text := range bytes.Lines(source) {
		line++
		markers := 0
		for i, b := range text {
			switch b {
			case '[', '{':
				open++
			case ']', '}':
				open = max(open-1, 0)
			case '-', '?', ':', '!', '&':
				if i+1 < len(text) && (text[i+1] == ' ' || text[i+1] == '\t') {
					markers++
				}
			case ' ', '\t':
			default:
				markers = 0
			}
			if open > deepest || markers > deepest {
				return &Error{line, i + 1, tooDeep}
			}
		}
	}
	return nil
}
