package policy

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
)

// Severity is how bad a finding is.
type Severity string

// The severities. An error makes a file unusable or a list wrong for its use; a warning may be meant so; a note
// says what a reader did.
const (
	SeverityError   Severity = "error"
	SeverityWarning Severity = "warning"
	SeverityNote    Severity = "note"
)

// The codes of findings. They are stable: scripts may look for them.
const (
	// The form of a file: these are errors, and a policy that has one can't be used.
	CodeSyntax       = "syntax"
	CodeUnknownField = "unknown-field"
	CodeMissingField = "missing-field"
	CodeRepeated     = "repeated-field"
	CodeBadValue     = "bad-value"
	CodeReversed     = "reversed-range"
	CodeRepeatedID   = "repeated-id"

	// What a policy says.
	CodeOverlap      = "overlapping-ranges"  // error: ranges of one row
	CodeDuplicate    = "duplicate-row"       // error: a row opens just what another one does
	CodeOverlapRows  = "overlapping-rows"    // warning: two rows open some of the same
	CodeEmpty        = "no-rows"             // error
	CodeEmptyPurpose = "empty-purpose"       // warning
	CodeSuperseded   = "superseded"          // warning
	CodeSupersededBy = "unknown-superseding" // error: names no row, or leads round in a circle
	CodeNoDate       = "no-date"             // warning
	CodeFutureDate   = "future-date"         // warning
	CodeOld          = "old"                 // warning
	CodeTestList     = "test-list"           // error: under the production profile
	CodeTestAddress  = "test-address"        // error: under the production profile
	CodeNoStage      = "no-stage"            // warning: under the production profile
	CodeSpecial      = "unreachable-address" // warning: under the production profile
	CodeSDK          = "sdk-version"         // warning
	CodeUnresolved   = "unresolved-domain"   // error
	CodeUnderstood   = "understood"          // note: how a table's row was read
	CodeLeftOut      = "left-out"            // note: what of a table was passed over
)

// Finding is one thing that a reader of a policy should know.
type Finding struct {
	Code     string   `json:"code"`
	Severity Severity `json:"severity"`
	File     string   `json:"file,omitempty"`
	Line     int      `json:"line,omitempty"`
	Column   int      `json:"column,omitempty"`
	Entry    string   `json:"entry,omitempty"` // ID of the row that it is about
	Words    string   `json:"words"`
	Remedy   string   `json:"remedy,omitempty"`
}

// Place is "cloud.yaml:12:5", as far as it is known.
func (f Finding) Place() string {
	place := f.File
	if f.Line > 0 {
		if place != "" {
			place += ":"
		}
		place += fmt.Sprintf("%d:%d", f.Line, f.Column)
	}
	return place
}

// String is the finding in one line.
func (f Finding) String() string {
	out := f.Words
	if f.Entry != "" {
		out = "row " + f.Entry + ": " + out
	}
	if place := f.Place(); place != "" {
		out = place + ": " + out
	}
	if f.Remedy != "" {
		out += "; " + f.Remedy
	}
	return out
}

// Findings are in the order of the file.
type Findings []Finding

// Count is how many findings have a severity.
func (fs Findings) Count(s Severity) (n int) {
	for _, f := range fs {
		if f.Severity == s {
			n++
		}
	}
	return n
}

// Err is every error among the findings, one a line, or nil.
func (fs Findings) Err() error {
	var errs []error
	for _, f := range fs {
		if f.Severity == SeverityError {
			errs = append(errs, errors.New(f.String()))
		}
	}
	return errors.Join(errs...)
}

func (fs Findings) sort() {
	slices.SortStableFunc(fs, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column), cmp.Compare(a.Code, b.Code))
	})
}
