package relay

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Every refusal code of the wire contract has a status, and the package documentation tells of both.
func TestEveryRefusalCodeIsDocumented(t *testing.T) {
	files := token.NewFileSet()
	wire, err := parser.ParseFile(files, "wire.go", nil, 0)
	require.NoError(t, err)
	doc, err := parser.ParseFile(files, "doc.go", nil, parser.ParseComments)
	require.NoError(t, err)
	codes := 0
	ast.Inspect(wire, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || !strings.HasPrefix(spec.Names[0].Name, "Code") {
			return true
		}
		codes++
		code, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
		require.NoError(t, err)
		require.Contains(t, statuses, code)
		require.Contains(t, doc.Doc.Text(), fmt.Sprintf("\t%d     %s ", statuses[code], code))
		return true
	})
	require.Len(t, statuses, codes)
}
