//go:build race

package turn_test

import "testing"

func TestAgainstPion(t *testing.T) {
	t.Skip("pion/turn v4.1.3 races with itself, its timers with its readers: run this without -race")
}
