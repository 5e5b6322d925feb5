package expectation

import (
	"errors"
	"reflect"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
)

// readItem reads an entry or a profile. Its error speaks of the file, where the library's would speak of our types.
func readItem(item ast.Node, w *written) error {
	err := yaml.NodeToValue(item, w, yaml.Strict())
	var kind *yaml.TypeError
	var node *yaml.UnexpectedNodeTypeError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &kind) && kind.StructFieldName != nil && kind.DstType.Kind() == reflect.String:
		_, field, _ := strings.Cut(*kind.StructFieldName, ".")
		return errors.New(strings.ToLower(field) + " must be one text")
	case errors.As(err, &node) && node.Expected == ast.MappingType:
		return errors.New("it must be a map, with sdk and what is said of it")
	case errors.As(err, &node) && node.Expected == ast.SequenceType:
		return errors.New("claims must be a list of themes or requirements, such as [CP-FLOW, CP-API-12]")
	}
	return errors.New(said(err))
}

// said is an error of the library, in a line.
func said(err error) string {
	return strings.Join(strings.Fields(yaml.FormatError(err, false, false)), " ")
}
