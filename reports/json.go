package reports

import (
	"encoding/json"
	"io"

	"github.com/proxyspec/proxyspec/conformance/result"
)

// JSON writes conformance.json: the whole Run, indented, in a fixed order, with [] rather than null for
// what is empty.
func JSON(w io.Writer, run *result.Run) error {
	full := *run
	full.Requirements = list(run.Requirements)
	for i := range full.Requirements {
		r := &full.Requirements[i]
		r.Cases = list(r.Cases)
	}
	full.Cases = list(run.Cases)
	for i := range full.Cases {
		c := &full.Cases[i]
		c.Tags, c.Requirements = list(c.Tags), list(c.Requirements)
		c.Steps, c.Paths = list(c.Steps), list(c.Paths)
		c.Hosts = list(c.Hosts)
		if c.Outcome == result.Pass { // the timeline has it; of thousands of cases it would be most of the file
			c.Ladder = nil
		}
	}
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false) // it is read by people too: → and & as they are
	encoder.SetIndent("", "  ")
	return encoder.Encode(full)
}

// list copies a slice, so that what is changed in it is not changed in the Run, and is never nil.
func list[T any](in []T) []T { return append(make([]T, 0, len(in)), in...) }
