package policy

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/proxyspec/proxyspec/text/nearest"
)

// LintOptions say what a policy is checked for. The zero value checks what the policy says, and neither its age nor
// its domains.
type LintOptions struct {
	Profile Stage         // what it is to be used for; empty: its own stage
	SDK     Version       // the SDK that it is to be used with; zero: any
	Today   time.Time     // zero: ages aren't checked
	MaxAge  time.Duration // how old a list may be; zero: 365 days
	Zone    Zone          // what names mean; nil: names aren't looked up
}

// DefaultMaxAge is how old a list may be before Lint warns: vendors change theirs about once a year.
const DefaultMaxAge = 365 * 24 * time.Hour

// Lint finds everything that is wrong with a policy's file, in its order.
func Lint(name string, source []byte, o LintOptions) Findings {
	p, found := read(name, source)
	if !slices.ContainsFunc(found, func(f Finding) bool { return f.Code == CodeSyntax }) {
		found = append(found, p.Lint(o)...)
	}
	found.sort()
	return found
}

// Lint finds what is wrong with what a policy says, for one use of it.
func (p *Policy) Lint(o LintOptions) Findings {
	l := linter{reader: reader{policy: p}, LintOptions: o}
	if l.MaxAge == 0 {
		l.MaxAge = DefaultMaxAge
	}
	if l.Profile == "" {
		l.Profile = p.Stage
	}
	if len(p.Entries) == 0 {
		l.wrong(CodeEmpty, p.place("entries"), "", "the policy has no rows: nothing would pass", "add the rows of the vendor's list")
	}
	l.use()
	l.ages()
	l.superseding()
	l.overlaps()
	for i := range p.Entries {
		e := &p.Entries[i]
		l.purpose(e)
		l.withinRow(e)
		for _, d := range e.Destinations {
			l.destination(e, d)
		}
	}
	l.found.sort()
	return l.found
}

// linter collects findings about a policy that was read.
type linter struct {
	reader
	LintOptions
}

func (l *linter) warn(code string, at Pos, entry, words, remedy string) {
	l.add(code, SeverityWarning, at, entry, words, remedy)
}

// place is where a field stands, or else where the list begins.
func (p *Policy) place(field string) Pos {
	if at, ok := p.at[field]; ok {
		return at
	}
	return p.start
}

// place is where a field stands, or else where its entry does.
func (e *Entry) place(field string) Pos {
	if at, ok := e.at[field]; ok {
		return at
	}
	return e.At
}

// use checks stage and SDK.
func (l *linter) use() {
	p := l.policy
	if l.Profile == Production {
		switch p.Stage {
		case Test:
			l.wrong(CodeTestList, p.place("stage"), "", "the list is for testing, and this is production",
				"ask the vendor for production addresses; test addresses are shared, and go without notice")
		case "":
			l.warn(CodeNoStage, p.start, "", "the list doesn't say whether it is for test or for production", `add "stage: production" if it is`)
		}
	}
	if l.SDK != (Version{}) && !p.SDK.Contains(l.SDK) {
		l.warn(CodeSDK, p.place("sdk"), "", fmt.Sprintf("the list is for SDK %v, and SDK %v is another: its list differs", p.SDK, l.SDK),
			"ask the vendor for the list of that version")
	}
}

// ages checks the days on which the list, and rows of their own date, were right.
func (l *linter) ages() {
	p := l.policy
	undated := p.AsOf.IsZero() && slices.ContainsFunc(p.Entries, func(e Entry) bool { return e.AsOf.IsZero() })
	if undated {
		l.warn(CodeNoDate, p.start, "", "the list bears no date: nobody can tell whether it is out of date", `add "as-of:" with the day on which it was right; CSV has a column of that name, a pasted table must be exported as YAML first`)
	}
	l.age(p.AsOf, p.place("as-of"), "", "the list")
	for i := range p.Entries {
		e := &p.Entries[i]
		l.age(e.AsOf, e.place("as-of"), e.ID, "the row")
	}
}

func (l *linter) age(asOf time.Time, at Pos, entry, what string) {
	if asOf.IsZero() || l.Today.IsZero() {
		return
	}
	const day = 24 * time.Hour
	switch age := l.Today.Sub(asOf); {
	case age > l.MaxAge:
		l.warn(CodeOld, at, entry, fmt.Sprintf("%s was right on %s, %d days ago; the limit is %d",
			what, asOf.Format(time.DateOnly), age/day, l.MaxAge/day), `compare it with the vendor's present list: "proxyspec firewall diff"`)
	case age < -day: // a day of grace for time zones
		l.warn(CodeFutureDate, at, entry, fmt.Sprintf("%s is from %s, which is yet to come", what, asOf.Format(time.DateOnly)), "correct the date")
	}
}

func (l *linter) purpose(e *Entry) {
	empty := e.PurposeText() == ""
	for _, g := range e.groups() {
		empty = empty || g.purpose == ""
	}
	if empty {
		l.warn(CodeEmptyPurpose, e.place("purpose"), e.ID, "it doesn't say what it is for", `add a "purpose", so that others know what breaks without it`)
	}
}

// withinRow looks for ranges of one row that overlap.
func (l *linter) withinRow(e *Entry) {
	var ports []Range
	for _, g := range e.Ports {
		ports = append(ports, g.Ranges...)
	}
	slices.SortStableFunc(ports, func(a, b Range) int { return int(a.First) - int(b.First) })
	for i := 1; i < len(ports); i++ {
		a, b := ports[i-1], ports[i]
		if b.First <= a.Last {
			if b.At.Line < a.At.Line || b.At.Line == a.At.Line && b.At.Column < a.At.Column {
				a, b = b, a
			}
			l.wrong(CodeOverlap, b.At, e.ID, fmt.Sprintf("ports %v overlap with %v of the same row", b.PortRange, a.PortRange), "write each port once")
		}
		if b.Last < a.Last {
			ports[i] = a // the wider one goes on
		}
	}
	blocks := slices.DeleteFunc(slices.Clone(e.Destinations), func(d Destination) bool { return d.Domain != "" })
	slices.SortStableFunc(blocks, func(a, b Destination) int { return a.First.Compare(b.First) })
	for i := 1; i < len(blocks); i++ {
		a, b := blocks[i-1], blocks[i]
		if b.First.Compare(a.Last) <= 0 {
			l.wrong(CodeOverlap, b.At, e.ID, fmt.Sprintf("destination %v overlaps with %v of the same row", b, a), "write each address once")
		}
		if b.Last.Less(a.Last) {
			blocks[i] = a
		}
	}
	names := make(map[string]bool)
	for _, d := range e.Destinations {
		if d.Domain != "" && names[d.Domain] {
			l.wrong(CodeOverlap, d.At, e.ID, fmt.Sprintf("destination %v stands in the row for the second time", d), "write each name once")
		}
		names[d.Domain] = true
	}
}

// destination checks one destination under the profile and the zone.
func (l *linter) destination(e *Entry, d Destination) {
	if l.Profile == Production && l.policy.Stage != Test { // a test list is told off as a whole
		if row, ok := testRow(d); ok {
			l.wrong(CodeTestAddress, d.At, e.ID, fmt.Sprintf("%v has a test address: it is in row %s of %s", d, row, CloudProxyTest),
				"ask the vendor for the production address")
		}
		if why := unreachable(d); why != "" {
			l.warn(CodeSpecial, d.At, e.ID, fmt.Sprintf("%v is %s", d, why), "put the vendor's own in its place")
		}
	}
	if l.Zone == nil || d.Domain == "" || resolves(l.Zone, d.Domain) {
		return
	}
	known := make([]string, 0, len(l.Zone))
	for name := range l.Zone {
		known = append(known, canonical(name))
	}
	slices.Sort(known)
	remedy := "correct the name, or the zone"
	if meant := nearest.To(d.Domain, known); meant != "" {
		remedy = fmt.Sprintf("did you mean %q?", meant)
	}
	words := fmt.Sprintf("%v has no address in the zone", d)
	if strings.HasPrefix(d.Domain, "*.") {
		words = fmt.Sprintf("no name in the zone is below %s", d.Domain[2:])
	}
	l.wrong(CodeUnresolved, d.At, e.ID, words, remedy)
}

func resolves(zone Zone, domain string) bool {
	if !strings.HasPrefix(domain, "*.") {
		return len(zone[domain]) > 0 || len(zone[domain+"."]) > 0
	}
	for name, addrs := range zone {
		if len(addrs) > 0 && strings.HasSuffix(canonical(name), domain[1:]) {
			return true
		}
	}
	return false
}
