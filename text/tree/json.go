package tree

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"unicode/utf8"
)

// JSON reads one JSON value.
func JSON(source []byte) (*Node, error) {
	r := jsonReader{source: source, decoder: json.NewDecoder(bytes.NewReader(source)), line: 1, column: 1}
	r.decoder.UseNumber()
	root, err := r.value(0)
	if err != nil {
		return nil, err
	}
	if _, err := r.decoder.Token(); err == nil || !errors.Is(err, io.EOF) {
		r.begin()
		return nil, r.fail("more than one JSON value: the file must end here")
	}
	return root, nil
}

// jsonReader follows the decoder through the source, so that it knows the line of every token. Both only
// ever move forward.
type jsonReader struct {
	source       []byte
	decoder      *json.Decoder
	at           int // bytes seen
	line, column int // of source[at]
}

// begin goes on to where the next token begins.
func (r *jsonReader) begin() {
	at := int(r.decoder.InputOffset())
	for at < len(r.source) && bytes.IndexByte([]byte(" \t\r\n,:"), r.source[at]) >= 0 {
		at++
	}
	r.advance(at)
}

func (r *jsonReader) advance(to int) {
	passed := r.source[r.at:to]
	if n := bytes.Count(passed, []byte("\n")); n > 0 {
		r.line += n
		r.column = 1
		passed = passed[bytes.LastIndexByte(passed, '\n')+1:]
	}
	r.column += utf8.RuneCount(passed)
	r.at = to
}

func (r *jsonReader) fail(message string) error { return &Error{r.line, r.column, message} }

// token reads one token; its place is the reader's.
func (r *jsonReader) token() (json.Token, error) {
	r.begin()
	token, err := r.decoder.Token()
	if err == nil {
		return token, nil
	}
	var syntax *json.SyntaxError
	switch {
	case errors.As(err, &syntax):
		if to := int(syntax.Offset) - 1; to > r.at && to <= len(r.source) {
			r.advance(to)
		}
		return nil, r.fail("not JSON: " + err.Error())
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		r.advance(len(r.source))
		return nil, r.fail("not JSON: it ends too early")
	}
	return nil, r.fail("not JSON: " + err.Error())
}

func (r *jsonReader) value(depth int) (*Node, error) {
	token, err := r.token()
	if err != nil {
		return nil, err
	}
	n := &Node{Line: r.line, Column: r.column}
	switch t := token.(type) {
	case string:
		n.Kind, n.Text, n.Quoted = String, t, true
	case json.Number:
		n.Kind, n.Text = Number, t.String()
	case bool:
		n.Kind, n.Text = Bool, "false"
		if t {
			n.Text = "true"
		}
	case json.Delim:
		if depth == deepest {
			return nil, r.fail(tooDeep)
		}
		n.Kind = List
		if t == '{' {
			n.Kind = Map
		}
		return n, r.items(n, depth+1)
	}
	return n, nil
}

// items reads a list or a map to its end.
func (r *jsonReader) items(n *Node, depth int) error {
	for r.decoder.More() {
		if n.Kind == Map {
			key, err := r.token()
			if err != nil {
				return err
			}
			text, _ := key.(string) // the decoder admits nothing else here
			n.Keys = append(n.Keys, &Node{Kind: String, Text: text, Quoted: true, Line: r.line, Column: r.column})
		}
		item, err := r.value(depth)
		if err != nil {
			return err
		}
		n.Items = append(n.Items, item)
	}
	_, err := r.token()
	return err
}
