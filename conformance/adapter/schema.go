package adapter

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/proxyspec/proxyspec/conformance/contract"
)

// Schema holds messages against the contract's JSON Schema, in the order in which they came. It is for one goroutine.
type Schema struct{ methods map[int64]string }

const schemaURL = "contract.json"

var compiler = sync.OnceValues(func() (*jsonschema.Compiler, error) {
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(contract.Schema))
	if err != nil {
		return nil, err
	}
	c := jsonschema.NewCompiler()
	return c, c.AddResource(schemaURL, doc)
})

// ToAdapter checks a line of the harness.
func (s *Schema) ToAdapter(line []byte) error {
	var f contract.Frame
	if err := json.Unmarshal(line, &f); err != nil {
		return err
	}
	if f.ID != nil {
		if s.methods == nil {
			s.methods = map[int64]string{}
		}
		s.methods[*f.ID] = f.Method
		if err := hold("params/"+f.Method, f.Params); err != nil { // alone: its error names what is wrong
			return fmt.Errorf("parameters of %s: %w", f.Method, err)
		}
	}
	return hold("toAdapter", line)
}

// FromAdapter checks a line of the adapter: the message, and of a reply the result.
func (s *Schema) FromAdapter(line []byte) error {
	var f struct { // no more of a frame than tells which part of the schema it is about
		ID, Error, Result, Params json.RawMessage
		Method                    string
	}
	if err := json.Unmarshal(line, &f); errors.As(err, new(*json.SyntaxError)) {
		return err
	} // what is no object has none of these, nor is a method that is no text one: the schema says so
	part := "fromAdapter"
	switch {
	case f.ID != nil && f.Error != nil:
		part = "failure"
	case f.ID != nil:
		part = "reply"
	}
	if f.Params != nil && (f.Method == contract.NotifyEvent || f.Method == contract.NotifyLog) {
		if err := hold(f.Method, f.Params); err != nil { // alone: beside each other, the error may be the other's
			return fmt.Errorf("parameters of the notification %s: %w", f.Method, err)
		}
	}
	if err := hold(part, line); err != nil {
		return err
	}
	if part != "reply" {
		return nil
	}
	var id int64
	_ = json.Unmarshal(f.ID, &id) // a number, or the schema would have refused it; one that is too big is no request's
	method := s.methods[id]
	if method == "" {
		return fmt.Errorf("a reply to request %s, which was never made", f.ID)
	}
	if err := hold("result/"+method, f.Result); err != nil {
		return fmt.Errorf("result of %s: %w", method, err)
	}
	return nil
}

// hold holds a value against a part of the schema.
func hold(part string, value []byte) error {
	c, err := compiler()
	if err != nil {
		return err
	}
	schema, err := compiled(c, part)
	if err != nil {
		return fmt.Errorf("the contract has no %s", part)
	}
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(value))
	if err != nil {
		return err
	}
	err = schema.Validate(v)
	if invalid := (*jsonschema.ValidationError)(nil); errors.As(err, &invalid) {
		return errors.New(deepest(invalid))
	}
	return err
}

var compiling sync.Mutex

func compiled(c *jsonschema.Compiler, part string) (*jsonschema.Schema, error) {
	compiling.Lock()
	defer compiling.Unlock()
	return c.Compile(schemaURL + "#/$defs/" + part)
}

// deepest is the cause at the bottom of a tree of them, in a line.
func deepest(e *jsonschema.ValidationError) string {
	for len(e.Causes) > 0 {
		e = e.Causes[len(e.Causes)-1]
	}
	output := e.BasicOutput()
	at := "/" + strings.Join(e.InstanceLocation, "/")
	if output.Error != nil {
		return fmt.Sprintf("at %s: %v", at, output.Error)
	}
	for _, unit := range output.Errors {
		if unit.Error != nil {
			return fmt.Sprintf("at %s: %v", at, unit.Error)
		}
	}
	return "at " + at + ": it doesn't fit"
}
