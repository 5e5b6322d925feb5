package reports_test

import (
	"bytes"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/conformance/result"
	"github.com/proxyspec/proxyspec/reports"
)

func compiledSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(reports.Schema))
	require.NoError(t, err)
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	require.NoError(t, compiler.AddResource("conformance.schema.json", document))
	schema, err := compiler.Compile("conformance.schema.json")
	require.NoError(t, err)
	return schema
}

func TestSchemaAcceptsWhatIsWritten(t *testing.T) {
	schema := compiledSchema(t)
	for _, run := range []*result.Run{sample(), judged(nil)} {
		var b bytes.Buffer
		require.NoError(t, reports.JSON(&b, run))
		instance, err := jsonschema.UnmarshalJSON(&b)
		require.NoError(t, err)
		require.NoError(t, schema.Validate(instance))
	}
}

func TestSchemaRefuses(t *testing.T) {
	schema := compiledSchema(t)
	var b bytes.Buffer
	require.NoError(t, reports.JSON(&b, sample()))
	for _, change := range []struct{ what, old, new string }{
		{"an outcome that isn't one", `"outcome": "fail"`, `"outcome": "flaky"`},
		{"another version", "proxyspec.conformance/v1", "proxyspec.conformance/v2"},
		{"a field that nobody knows", `"seed": 42,`, `"seed": 42, "sneed": 1,`},
		{"a verdict that isn't one", `"verdict": "not conformant"`, `"verdict": "fine"`},
		{"a time that isn't one", `"started": "`, `"started": "about `},
	} {
		text := strings.Replace(b.String(), change.old, change.new, 1)
		require.NotEqual(t, b.String(), text, change.what)
		instance, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
		require.NoError(t, err)
		require.Error(t, schema.Validate(instance), change.what)
	}
}

// TestSchemaKnowsEveryField holds the model against the schema: what is written is there, and what may be missing
// isn't required.
func TestSchemaKnowsEveryField(t *testing.T) {
	var schema map[string]any
	require.NoError(t, json.Unmarshal(reports.Schema, &schema))
	type object = map[string]any
	var compare func(path string, model reflect.Type, described object)
	compare = func(path string, model reflect.Type, described object) {
		if target, ok := described["$ref"].(string); ok {
			described = schema["$defs"].(object)[strings.TrimPrefix(target, "#/$defs/")].(object)
		}
		for model.Kind() == reflect.Pointer {
			model = model.Elem()
		}
		if model.Kind() == reflect.Slice && described["type"] == "array" {
			compare(path+"[]", model.Elem(), described["items"].(object))
			return
		}
		if model.Kind() != reflect.Struct || described["type"] != "object" {
			return // a text, a number, or written as one
		}
		var known, required []string
		properties := described["properties"].(object)
		for i := range model.NumField() {
			name, options, _ := strings.Cut(model.Field(i).Tag.Get("json"), ",")
			known = append(known, name)
			if !strings.Contains(options, "omit") {
				required = append(required, name)
			}
			if inner, ok := properties[name].(object); ok {
				compare(path+"."+name, model.Field(i).Type, inner)
			}
		}
		var described1, required1 []string
		for name := range properties {
			described1 = append(described1, name)
		}
		for _, name := range described["required"].([]any) {
			required1 = append(required1, name.(string))
		}
		for _, list := range [][]string{known, required, described1, required1} {
			slices.Sort(list)
		}
		require.Equal(t, known, described1, "%s", path)
		require.Equal(t, required, required1, "%s: what is always there", path)
	}
	compare("run", reflect.TypeFor[result.Run](), schema)
}
