package result

// Variant is a run of a failed case in which one thing was otherwise. It says what was seen, not what would be.
type Variant struct {
	Change  string  `json:"change"` // "TCP 3433 to relay-1 open", `"TCP 4000" instead of "TCP 443"`
	Outcome Outcome `json:"outcome"`
	// Step is where it did not pass.
	Step string `json:"step,omitempty"`
	// Case is the ID of the variant, if it is another case of this run. The others have the same seed, and were run
	// for this.
	Case string `json:"case,omitempty"`
}

// Nearest is the first variant that passes, which is the one with the least change; nil if none does.
func (f *Failure) Nearest() *Variant {
	for i := range f.Variants {
		if f.Variants[i].Outcome == Pass {
			return &f.Variants[i]
		}
	}
	return nil
}
