//go:build race

package suite_test

// Under the race detector the runtime shuffles goroutines on purpose.
func init() { shuffled = true }
