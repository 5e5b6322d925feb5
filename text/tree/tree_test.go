package tree_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/text/tree"
)

// places lists every scalar of a tree with its place.
func places(n *tree.Node) (out []string) {
	for _, k := range n.Keys {
		out = append(out, fmt.Sprintf("%d:%d key %s", k.Line, k.Column, k.Text))
	}
	for _, item := range n.Items {
		out = append(out, places(item)...)
	}
	if n.Kind != tree.Map && n.Kind != tree.List {
		out = append(out, fmt.Sprintf("%d:%d %v %s", n.Line, n.Column, n.Kind, n.Text))
	}
	return out
}

// TestBothSyntaxes reads the same values from both, each with its place.
func TestBothSyntaxes(t *testing.T) {
	yaml, err := tree.YAML([]byte("a: é\n# a remark\nb:\n  - 443\n  - \"x\"\n  - true\n  - null\n"))
	require.NoError(t, err)
	require.Equal(t, []string{"1:1 key a", "3:1 key b", "1:4 text é", "4:5 a number 443", "5:5 text x", "6:5 true or false true", "7:5 nothing "}, places(yaml))

	marked, err := tree.YAML([]byte("\ufeffa: é\r\nb: 1\r\n"))
	require.NoError(t, err, "as some editors write it")
	require.Equal(t, []string{"1:1 key a", "2:1 key b", "1:4 text é", "2:4 a number 1"}, places(marked))

	json, err := tree.JSON([]byte("{\"é\": \"é\", \"b\":\n [443, \"x\",\n\ttrue, null]}\n"))
	require.NoError(t, err)
	require.Equal(t, []string{"1:2 key é", "1:12 key b", "1:7 text é", "2:3 a number 443", "2:8 text x", "3:2 true or false true", "3:8 nothing "}, places(json))
	require.Equal(t, "443", json.Field("b").Items[0].Value())
	require.Nil(t, json.Field("c"))
	require.Empty(t, json.Field("c").Field("d").Value())
}

func TestTooDeep(t *testing.T) {
	for _, source := range []string{strings.Repeat("[", 1000), strings.Repeat("{\"a\":", 1000), "a: " + strings.Repeat("- ", 1000), strings.Repeat("? ", 1000)} {
		_, err := tree.YAML([]byte(source))
		require.ErrorContains(t, err, "nested more than 100 deep", "%.10q", source)
	}
	_, err := tree.JSON([]byte(strings.Repeat("[", 1000)))
	require.EqualError(t, err, "line 1, column 101: values are nested more than 100 deep")
}
