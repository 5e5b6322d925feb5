package contract

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
)

// decode reads JSON that somebody's adapter wrote. Where a value is of the wrong kind its error speaks as JSON does:
// encoding/json names types of Go.
func decode(raw []byte, v any) error {
	err := json.Unmarshal(raw, v)
	var wrong *json.UnmarshalTypeError
	if !errors.As(err, &wrong) {
		return err
	}
	return fmt.Errorf("%s must be %s, and is a JSON %s", cmp.Or(wrong.Field, "it"), kindOf(wrong.Type), wrong.Value)
}

func kindOf(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Bool:
		return "true or false"
	case reflect.Int, reflect.Int64:
		return "a whole number"
	case reflect.String:
		return "a string"
	case reflect.Slice:
		return "an array"
	default:
		return "an object"
	}
}
