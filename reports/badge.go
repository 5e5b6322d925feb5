package reports

import (
	"fmt"
	"html"
	"io"

	"github.com/proxyspec/proxyspec/conformance/result"
)

// Badge writes badge.svg: the verdict for a README. Its colours are readable on both, and so is white on them.
func Badge(w io.Writer, run *result.Run) error {
	must := tallyOf(run, isSDK, isMust)
	words := fmt.Sprintf("%s %d/%d", run.Verdict, must.of(result.Pass, result.UnexpectedPass), must.total())
	color := map[string]string{result.Conformant: "#197a48", result.NotConformant: "#c02c2c", result.Partial: "#8f6200"}[run.Verdict]
	if color == "" {
		color = "#7a3aa8"
	}
	const label, height, letter, margin = "cloud proxy", 20, 6.6, 8.0
	left, right := letter*float64(len(label))+2*margin, letter*float64(len(words))+2*margin
	_, err := fmt.Fprintf(w, `<svg xmlns="http://www.w3.org/2000/svg" width="%[1]s" height="%[2]d" role="img" aria-label="%[3]s: %[4]s">
<title>%[3]s: %[4]s</title>
<clipPath id="r"><rect width="%[1]s" height="%[2]d" rx="3"/></clipPath>
<g clip-path="url(#r)"><rect width="%[5]s" height="%[2]d" fill="#444c56"/><rect x="%[5]s" width="%[6]s" height="%[2]d" fill="%[7]s"/></g>
<g fill="#fff" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11" text-anchor="middle">
<text x="%[8]s" y="14" textLength="%[9]s">%[3]s</text><text x="%[10]s" y="14" textLength="%[11]s">%[4]s</text>
</g>
</svg>
`, num(left+right), height, label, html.EscapeString(words), num(left), num(right), color,
		num(left/2), num(left-2*margin), num(left+right/2), num(right-2*margin))
	return err
}
