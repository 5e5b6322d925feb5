package cli

import (
	"fmt"
	"strings"
)

// lineDiff shows what changes from one text to another, with two lines around each change.
func lineDiff(before, after string) string {
	a, b := strings.Split(strings.TrimSuffix(before, "\n"), "\n"), strings.Split(strings.TrimSuffix(after, "\n"), "\n")
	// Lengths of the longest common subsequences of what remains: such files are short.
	common := make([][]int, len(a)+1)
	for i := range common {
		common[i] = make([]int, len(b)+1)
	}
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			if a[i] == b[j] {
				common[i][j] = common[i+1][j+1] + 1
			} else {
				common[i][j] = max(common[i+1][j], common[i][j+1])
			}
		}
	}
	type line struct {
		sign byte
		text string
	}
	var all []line
	for i, j := 0, 0; i < len(a) || j < len(b); {
		switch {
		case i < len(a) && j < len(b) && a[i] == b[j]:
			all = append(all, line{' ', a[i]})
			i++
			j++
		case j == len(b) || i < len(a) && common[i+1][j] >= common[i][j+1]:
			all = append(all, line{'-', a[i]})
			i++
		default:
			all = append(all, line{'+', b[j]})
			j++
		}
	}
	const around = 2
	var out strings.Builder
	skipped := false
	for i, l := range all {
		near := false
		for j := max(0, i-around); j <= min(len(all)-1, i+around); j++ {
			near = near || all[j].sign != ' '
		}
		if !near {
			skipped = true
			continue
		}
		if skipped && out.Len() > 0 {
			out.WriteString("  ...\n")
		}
		skipped = false
		if l.sign != ' ' || l.text != "" {
			fmt.Fprintf(&out, "%c %s\n", l.sign, l.text)
		}
	}
	return out.String()
}
