// Package nearest answers what someone meant who typed a name that doesn't exist. It owns one measure
// of likeness, so that every message of the tool suggests alike; it never guesses on the user's behalf.
package nearest

import "strings"

// Any, in a candidate, stands for any letters or none, and costs nothing.
const Any = '\x00'

// To is the name among candidates that is closest to the one given, or "" when none is close: one letter
// and a third of the rest may differ (of a candidate with Any a quarter of its letters), or else the name
// may be the beginning of a candidate. Letter case counts for nothing. Of equals the first wins.
func To(name string, candidates []string) string {
	name = strings.ToLower(name)
	best, least := "", len(name)
	for _, c := range candidates {
		limit := len([]rune(name))/3 + 1
		if open := strings.Count(c, string(Any)); open > 0 {
			limit = max(1, (len([]rune(c))-open)/4)
		}
		if d := distance(name, strings.ToLower(c)); d <= limit && (best == "" || d < least) {
			best, least = c, d
		}
	}
	if best != "" || len(name) < 3 {
		return best
	}
	for _, c := range candidates {
		if strings.HasPrefix(strings.ToLower(c), name) {
			return c
		}
	}
	return ""
}

// Hint is To as the end of a message: `; did you mean "x"?`, or nothing.
func Hint(name string, candidates []string) string {
	if best := To(name, candidates); best != "" {
		return `; did you mean "` + best + `"?`
	}
	return ""
}

// distance counts the letters to insert, delete, replace or swap with their neighbour (optimal string
// alignment) between two names.
func distance(from, to string) int {
	a, b := []rune(from), []rune(to)
	before, above, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range b {
		row[j+1] = row[j]
		if b[j] != Any {
			row[j+1]++
		}
	}
	for i := range a {
		before, above, row = above, row, before
		row[0] = i + 1
		for j := range b {
			if b[j] == Any {
				row[j+1] = min(above[j+1], row[j])
				continue
			}
			row[j+1] = min(above[j+1]+1, row[j]+1, above[j])
			if a[i] != b[j] {
				row[j+1] = min(above[j+1], row[j], above[j]) + 1
			}
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
	}
	return row[len(b)]
}
