package reports

import (
	"html"
	"html/template"
	"strconv"
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
	usualRow  = 360 // bytes that a row takes; only decides how much memory is asked for at once
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
	d.b.Grow(usualRow * (len(l.Rows) + 4))
	height := headRoom + rowHeight*float64(len(l.Rows)) + 16
	d.put(`<svg class="ladder-svg" role="img" viewBox="0 0 `, num(d.width), " ", num(height), `" width="`, num(d.width), `" height="`, num(height), `" aria-label="`,
		html.EscapeString(title), `">`)
	d.lanes(l.Lanes, height-4)
	d.phases(l.Rows)
	shownAt := ""
	for i, r := range l.Rows {
		y := headRoom + rowHeight*(float64(i)+0.5)
		d.put(`<g class="r `, html.EscapeString(r.Class), `">`)
		if r.Title != "" {
			d.put("<title>", html.EscapeString(r.Title), "</title>")
		}
		if at := clock(r.At); at != shownAt && r.Shape != band {
			shownAt = at
			d.text("t", timeX, y+4, at)
		}
		d.rung(r, y)
		d.put("</g>")
	}
	d.put("</svg>")
	return template.HTML(d.b.String())
}

// drawing writes SVG.
type drawing struct {
	b         strings.Builder
	width     float64
	laneWidth float64
}

func (d *drawing) put(parts ...string) {
	for _, p := range parts {
		d.b.WriteString(p)
	}
}

// text writes anybody's words, of a class of ours.
func (d *drawing) text(class string, x, y float64, words string) {
	d.put(`<text class="`, class, `" x="`, num(x), `" y="`, num(y), `">`, html.EscapeString(words), "</text>")
}

func (d *drawing) path(class string, steps ...string) {
	d.put(`<path class="`, class, `" d="`)
	d.put(steps...)
	d.put(`"/>`)
}

func (d *drawing) circle(class string, x, y float64, r string) {
	d.put(`<circle class="`, class, `" cx="`, num(x), `" cy="`, num(y), `" r="`, r, `"/>`)
}

func (d *drawing) lanes(lanes []lane, bottom float64) {
	for i, l := range lanes {
		x := d.x(i)
		kind := "lane"
		if l.Name == "firewall" {
			kind = "lane wall"
		}
		d.path(kind, "M", num(x), " ", num(headRoom-8), "V", num(bottom))
		d.text("head", x, 22, l.Name)
		if l.Address != "" {
			d.text("addr", x, 36, l.Address)
		}
		if l.StandIn != "" {
			d.text("addr", x, 48, "as "+l.StandIn)
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
		number := strconv.Itoa(phase)
		d.put(`<g class="phase p`, number, `">`)
		if last > i {
			d.path("during", "M", num(phaseX), " ", num(top), "V", num(bottom))
		}
		d.put(`<circle cx="`, num(phaseX), `" cy="`, num(top), `" r="9"/>`)
		d.put(`<text x="`, num(phaseX), `" y="`, num(top+4), `">`, number, `</text></g>`)
		i = next
	}
}

func (d *drawing) rung(r rung, y float64) {
	switch r.Shape {
	case band:
		d.put(`<rect class="band" x="`, num(phaseX+16), `" y="`, num(y-rowHeight/2+3), `" width="`, num(d.width-phaseX-24),
			`" height="`, num(rowHeight-6), `" rx="3"/>`)
		d.label("start", phaseX+26, y+4, r.Label, d.width-phaseX-40)
	case mark:
		x := d.x(r.From)
		d.circle("dot", x, y, "3.5")
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
		d.path("line", "M", num(from), " ", num(y), "H", num(to))
		d.path("cross", "M", num(to-5), " ", num(y-5), "l10 10m-10 0l10 -10")
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
	d.path("line", "M", num(from), " ", num(line), "H", num(to+tip/2))
	d.path("tip", "M", num(to), " ", num(line), "l", num(tip), " -4v8z")
	if r.Via >= 0 {
		d.circle("via", d.x(r.Via), line, "3")
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
	d.text("l "+anchor, x, y, clip(words, max(8, int(room/textWidth))))
}

func (d *drawing) x(lane int) float64 { return gutter + d.laneWidth*(float64(lane)+0.5) }

// num writes a number with no more digits than it needs, and one behind the point at most.
func num(x float64) string {
	if whole := int(x); x == float64(whole) {
		return strconv.Itoa(whole)
	}
	return strings.TrimSuffix(strconv.FormatFloat(x, 'f', 1, 64), ".0")
}
