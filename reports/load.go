package reports

import (
	"fmt"
	"html/template"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/proxyspec/proxyspec/conformance/load"
	"github.com/proxyspec/proxyspec/conformance/result"
)

// LoadHTML writes what came of a crowd as one page that needs no network and no other file. missed is why it was not
// served well.
func LoadHTML(w io.Writer, r *load.Report, missed []string) error {
	p := loadPageOf(r)
	p.Missed, p.Mood = missed, result.Pass
	p.Headline = plural(r.Plan.Part().Users, "user was", "users were") + " served well"
	if len(missed) > 0 {
		p.Mood = result.Fail
		p.Headline = plural(r.Plan.Part().Users, "user was", "users were") + " not served well"
	}
	return pages.ExecuteTemplate(w, "load.html", p)
}

// KneeHTML is LoadHTML for a knee: what was tried, and what came of the largest crowd that was served well.
func KneeHTML(w io.Writer, k *load.Knee) error {
	p := &loadPage{}
	if k.Best != nil {
		p = loadPageOf(k.Best)
	}
	p.Mood = result.Pass
	switch {
	case k.Users == 0:
		p.Mood, p.Missed = result.Fail, k.Missed
		p.Headline = fmt.Sprintf("Even %s too many", plural(k.Tried[0].Users, "user is", "users are"))
	case k.Most:
		p.Headline = fmt.Sprintf("No knee up to %s", plural(k.Users, "user", "users"))
	default:
		p.Headline = fmt.Sprintf("The knee is at %s", plural(k.Users, "user", "users"))
	}
	trials := slices.SortedFunc(slices.Values(k.Tried), func(a, b load.Trial) int { return a.Users - b.Users })
	for _, t := range trials {
		p.Trials = append(p.Trials, trialView{t, 100 * float64(t.Users) / float64(trials[len(trials)-1].Users)})
	}
	return pages.ExecuteTemplate(w, "load.html", p)
}

// loadPage is what load.html shows.
type loadPage struct {
	Headline string
	Mood     result.Outcome
	Missed   []string
	Facts    []fact
	Trials   []trialView
	Report   *load.Report // nil: no crowd was served well
	Joins    *curve
	Tables   []loadTable
}

type trialView struct {
	load.Trial
	Part float64 // of the largest, in percent
}

// Outcome has the colour of a trial.
func (t trialView) Outcome() result.Outcome {
	if len(t.Missed) > 0 {
		return result.Fail
	}
	return result.Pass
}

// loadTable is figures of one kind.
type loadTable struct {
	Title string
	Rows  []fact
}

func loadPageOf(r *load.Report) *loadPage {
	p := r.Plan.Part() // of a shard, what it was to do
	page := &loadPage{Report: r, Joins: curveOf(r.Join), Facts: []fact{
		{"Users", fmt.Sprintf("%d of %s", p.Users, plural(p.Enterprises, "enterprise", "enterprises"))},
		{"Whole SDKs among them", fmt.Sprint(p.WebRTC)},
		{"Relays", plural(p.Relays, "relay", "relays") + capacity(p.Capacity)},
		{"All began within", span(p.Ramp) + ", and held for " + span(p.Hold)},
		{"Media of each user", fmt.Sprintf("%d packets a second of %d B%s", p.Media, p.Payload, p.Bursts())},
		{"Seed", fmt.Sprint(p.Seed)},
	}}
	if whole := r.Plan; whole.Shard.Count > 0 {
		page.Facts = append(page.Facts, fact{"Shard", fmt.Sprintf("%v, of %s in all", whole.Shard, plural(whole.Users, "user", "users"))})
	}
	page.table("Joins", append([]fact{{"joined", fmt.Sprintf("%d of %d", r.Joined, p.Users)}}, percentiles(r.Join)...))
	page.table("Refused and failed", append(counted(r.Failed, "failed: "), counted(r.Refusals, "refused: ")...))
	if r.Lost > 0 {
		page.table("Calls that broke", append([]fact{{"lost", fmt.Sprint(r.Lost)}, {"taken up again", fmt.Sprint(r.Rejoined)}}, percentiles(r.Reconnect)...))
	}
	page.table("Media", []fact{
		{"sent by users", fmt.Sprint(r.Media.Sent)}, {"came back", fmt.Sprintf("%d (%.2f %% lost)", r.Media.Returned, 100*r.Media.Loss())},
		{"relays took", fmt.Sprint(r.Media.In)}, {"passed on", fmt.Sprint(r.Media.Out)}, {"dropped", fmt.Sprint(r.Media.Dropped)},
		{"RTP of whole SDKs", fmt.Sprintf("%d sent, %d came", r.WebRTC.Sent, r.WebRTC.Returned)},
	})
	page.table("Messages", []fact{{"sent", fmt.Sprint(r.Messages.Sent)}, {"delivered", fmt.Sprint(r.Messages.Delivered)}, {"received", fmt.Sprint(r.Messages.Received)}})
	page.table("What it cost", []fact{
		{"memory of a user", size(int(r.PerUser()))}, {"taken from the system", size(int(r.Memory.System))}, {"goroutines", fmt.Sprint(r.Memory.Goroutines)},
		{"processor time of a relayed packet", fmt.Sprintf("%.1f µs", float64(r.Holding.Cost())/float64(time.Microsecond))},
		{"virtual seconds in a real one", fmt.Sprintf("%.2f", r.Holding.Ratio())},
		{"time to join all", span(r.Joining.Wall)},
	})
	return page
}

func (p *loadPage) table(title string, rows []fact) {
	if len(rows) > 0 {
		p.Tables = append(p.Tables, loadTable{title, rows})
	}
}

func capacity(bits int64) string {
	if bits == 0 {
		return ""
	}
	return fmt.Sprintf(" with %.4g Mbit/s each", float64(bits)/1e6)
}

func percentiles(t load.Times) []fact {
	if t.Count() == 0 {
		return nil
	}
	return []fact{
		{"half of them within", span(t.Percentile(50))}, {"90 of 100", span(t.Percentile(90))}, {"99 of 100", span(t.Percentile(99))},
		{"the last", span(t.Percentile(100))},
	}
}

func counted(by map[string]int, what string) (rows []fact) {
	for _, name := range slices.Sorted(maps.Keys(by)) {
		rows = append(rows, fact{what + name, fmt.Sprint(by[name])})
	}
	return rows
}

// curve is how many of all were done after which time, as a picture.
type curve struct {
	Path   template.HTMLAttr // of an SVG
	Guides []guide
	Most   time.Duration // at the right end
}

// guide is a line across the curve.
type guide struct {
	Y    float64
	Name string
}

// The picture's size, in its own units.
const (
	curveWidth  = 600
	curveHeight = 160
)

// curveOf draws times; nil if there are none.
func curveOf(t load.Times) *curve {
	all := t.Count()
	if all == 0 {
		return nil
	}
	c := &curve{Most: t.Percentile(100)}
	for _, percent := range []int{50, 90, 99} {
		c.Guides = append(c.Guides, guide{curveHeight * float64(100-percent) / 100, fmt.Sprintf("%d %%", percent)})
	}
	var path strings.Builder
	fmt.Fprintf(&path, "M0 %d", curveHeight)
	done := 0
	for _, ms := range slices.Sorted(maps.Keys(t)) {
		done += t[ms]
		x := curveWidth * float64(ms) / float64(max(1, c.Most.Milliseconds()))
		fmt.Fprintf(&path, "H%.1f V%.1f", x, curveHeight*(1-float64(done)/float64(all)))
	}
	c.Path = template.HTMLAttr(`d="` + path.String() + `"`)
	return c
}
