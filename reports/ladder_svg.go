package reports

import (
	"fmt"
	"html"
	"html/template"
	"strings"
	"unicode/utf8"
)

// Measures of a ladder, in SVG user units, which are CSS pixels at full size.
const (
	gutter    = 92.0   // left of the first lane: phases and times
	fullWidth = 1090.0 // of the page; a ladder is as wide if its lanes allow it
	narrow    = 108.0  // the least width of a lane
	wide      = 170.0  // and the most
	headRoom  = 58.0   // above the first row
	rowHeight = 30.0
	textWidth = 6.1 // of an average letter of a label; only decides which side a label stands on
	phaseX    = 18.0
	timeX     = 84.0
)

// SVG draws a ladder. Its colours are classes that the page's style sheet knows, so that it is right in the
// dark and on paper.
func (l ladder) SVG(title string) template.HTML {
	if len(l.Rows) == 0 {
		return ""
	}
	lanes := float64(max(1, len(l.Lanes)))
	d := drawing{laneWidth: min(wide, max(narrow, (fullWidth-gutter)/lanes))}
	d.width = gutter + d.laneWidth*lanes
	width, height := d.width, headRoom+rowHeight*float64(len(l.Rows))+16
	d.tag("svg", `class="ladder-svg" role="img" viewBox="0 0 %s %s" width="%s" height="%s" aria-label="%s"`,
		num(width), num(height), num(width), num(height), html.EscapeString(title))
	d.lanes(l.Lanes, height)
	d.phases(l.Rows)
	shownAt := ""
	for i, r := range l.Rows {
		y := headRoom + rowHeight*(float64(i)+0.5)
		d.tag("g", `class="r %s"`, html.EscapeString(r.Class))
		if r.Title != "" {
			d.text("title", "", r.Title)
		}
		if at := clock(r.At); at != shownAt && r.Shape != band {
			shownAt = at
			d.text("text", fmt.Sprintf(`class="t" x="%s" y="%s"`, num(timeX), num(y+4)), at)
		}
		d.rung(r, y)
		d.end("g")
	}
	d.end("svg")
	return template.HTML(d.b.String())
}

// drawing writes SVG.
type drawing struct {
	b         strings.Builder
	width     float64
	laneWidth float64
}

func (d *drawing) tag(name, format string, args ...any) {
	d.b.WriteString("<" + name + " ")
	fmt.Fprintf(&d.b, format, args...)
	d.b.WriteString(">")
}

func (d *drawing) end(name string) { d.b.WriteString("</" + name + ">") }

// text writes an element that has only text. attributes are ours, the words are anybody's.
func (d *drawing) text(name, attributes, words string) {
	d.b.WriteString(strings.TrimSpace("<"+name+" "+attributes) + ">" + html.EscapeString(words))
	d.end(name)
}

func (d *drawing) path(class, format string, args ...any) {
	d.b.WriteString(`<path class="` + class + `" d="`)
	fmt.Fprintf(&d.b, format, args...)
	d.b.WriteString(`"/>`)
}

func (d *drawing) lanes(lanes []lane, height float64) {
	for i, l := range lanes {
		x := d.x(i)
		kind := "lane"
		if l.Name == "firewall" {
			kind = "lane wall"
		}
		d.path(kind, "M%s %sV%s", num(x), num(headRoom-8), num(height-4))
		d.text("text", fmt.Sprintf(`class="head" x="%s" y="22"`, num(x)), l.Name)
		if l.Address != "" {
			d.text("text", fmt.Sprintf(`class="addr" x="%s" y="36"`, num(x)), l.Address)
		}
		if l.StandIn != "" {
			d.text("text", fmt.Sprintf(`class="addr" x="%s" y="48"`, num(x)), "as "+l.StandIn)
		}
	}
}

// phases draws, at the left edge, which rows belong to which step of the document's flow: a number where
// a step begins and a line for as long as it lasts.
func (d *drawing) phases(rows []rung) {
	for i := 0; i < len(rows); {
		phase, last := rows[i].Phase, i
		if phase == 0 {
			i++
			continue
		}
		next := i + 1
		for ; next < len(rows) && (rows[next].Phase == phase || rows[next].Phase == 0); next++ {
			if rows[next].Phase == phase {
				last = next
			}
		}
		top, bottom := headRoom+rowHeight*(float64(i)+0.5), headRoom+rowHeight*(float64(last)+0.5)
		d.tag("g", `class="phase p%d"`, phase)
		if last > i {
			d.path("during", "M%s %sV%s", num(phaseX), num(top), num(bottom))
		}
		fmt.Fprintf(&d.b, `<circle cx="%s" cy="%s" r="9"/>`, num(phaseX), num(top))
		d.text("text", fmt.Sprintf(`x="%s" y="%s"`, num(phaseX), num(top+4)), fmt.Sprint(phase))
		d.end("g")
		i = next
	}
}

func (d *drawing) rung(r rung, y float64) {
	switch r.Shape {
	case band:
		fmt.Fprintf(&d.b, `<rect class="band" x="%s" y="%s" width="%s" height="%s" rx="3"/>`,
			num(phaseX+16), num(y-rowHeight/2+3), num(d.width-phaseX-24), num(rowHeight-6))
		d.label("start", phaseX+26, y+4, r.Label, d.width-phaseX-40)
	case mark:
		x := d.x(r.From)
		fmt.Fprintf(&d.b, `<circle class="dot" cx="%s" cy="%s" r="3.5"/>`, num(x), num(y))
		if wide := textWidth * float64(utf8.RuneCountInString(r.Label)); x > d.width-d.laneWidth || x+16+wide > d.width {
			d.label("end", x-10, y+4, r.Label, x-gutter)
		} else {
			d.label("start", x+10, y+4, r.Label, d.width-x-12)
		}
	case denied:
		from, to := d.x(r.From), d.x(r.Via)
		if r.Via < 0 { // nobody says where it ended: half-way to where it was going
			to = (from + d.x(r.To)) / 2
		}
		d.path("line", "M%s %sH%s", num(from), num(y), num(to))
		d.path("cross", "M%s %sl10 10m-10 0l10 -10", num(to-5), num(y-5))
		if from < to {
			d.label("start", to+12, y+4, r.Label, d.width-to-14)
		} else {
			d.label("end", to-12, y+4, r.Label, to-gutter)
		}
	case arrow:
		d.arrow(r, y)
	}
}

func (d *drawing) arrow(r rung, y float64) {
	from, to := d.x(r.From), d.x(r.To)
	tip := -7.0 // the base of the arrow's head, seen from its tip
	if to < from {
		tip = 7
	}
	line := y + 6
	d.path("line", "M%s %sH%s", num(from), num(line), num(to+tip/2))
	d.path("tip", "M%s %sl%s -4v8z", num(to), num(line), num(tip))
	if r.Via >= 0 {
		fmt.Fprintf(&d.b, `<circle class="via" cx="%s" cy="%s" r="3"/>`, num(d.x(r.Via)), num(line))
	}
	left, right := min(from, to), max(from, to)
	// A label on a long arrow stands in its first gap, where the eye begins to follow it.
	middle := left + d.laneWidth/2
	if to < from {
		middle = right - d.laneWidth/2
	}
	d.label("middle", middle, y, r.Label, max(right-left, d.laneWidth)-8)
}

// label writes words, shortened to about so much room; the row's title has them whole.
func (d *drawing) label(anchor string, x, y float64, words string, room float64) {
	d.text("text", fmt.Sprintf(`class="l %s" x="%s" y="%s"`, anchor, num(x), num(y)), clip(words, max(8, int(room/textWidth))))
}

func (d *drawing) x(lane int) float64 { return gutter + d.laneWidth*(float64(lane)+0.5) }

// num writes a number with no more digits than it needs.
func num(x float64) string {
	return strings.TrimSuffix(strings.TrimRight(fmt.Sprintf("%.1f", x), "0"), ".")
}
