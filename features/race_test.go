//go:build race

package features_test

// Under the race detector the longest scenarios have their short form.
func init() { *only = "not @exhaustive" }
