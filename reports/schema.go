package reports

import _ "embed"

// Schema is the JSON Schema (draft 2020-12) of conformance.json.
//
//go:embed schema/conformance.schema.json
var Schema []byte
