package selection

// Case is one scenario, or one row of a scenario outline, ready to be sent to a worker process.
type Case struct {
	ID           string   `json:"id"`      // stable: "flow/lookup/only-edges-before-the-answer", a row adds its values
	Feature      string   `json:"feature"` // the feature's name
	Name         string   `json:"name"`    // the scenario's name, with a row's values put in
	Path         string   `json:"path"`    // as a user would type it: "features/flow/lookup.feature"
	Line         int      `json:"line"`    // of the scenario's keyword, or of the row
	Tags         []string `json:"tags"`
	Requirements []string `json:"requirements"`  // the tags that name a requirement, without their "@"
	Own          bool     `json:"own,omitempty"` // outside the embedded suite, or without a requirement's tag
	Steps        []Step   `json:"steps"`         // a background's steps come first

	// Source is the feature file in which every other scenario and every other row is blanked out, so
	// that a Gherkin parser finds exactly this case in it, at its own lines.
	Source string `json:"source"`
}

// Step is one step of a case, with a row's values put in.
type Step struct {
	Keyword   string     `json:"keyword"` // "Given", "And", "*"
	Text      string     `json:"text"`
	Line      int        `json:"line"`
	DocString *DocString `json:"docString,omitempty"`
	Table     [][]string `json:"table,omitempty"`
}

// DocString is the text block below a step.
type DocString struct {
	MediaType string `json:"mediaType,omitempty"`
	Content   string `json:"content"`
}
