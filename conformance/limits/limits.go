// Package limits says how long and how often an SDK may try before a requirement calls it too slow, and reads the
// file in which somebody says otherwise for an SDK of a slower pace.
//
// It owns the defaults, which are the catalogue's, and nothing else: who judges takes the values from here, and a
// report shows them.
package limits

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/proxyspec/proxyspec/conformance/result"
	"github.com/proxyspec/proxyspec/text/nearest"
	"github.com/proxyspec/proxyspec/text/tree"
)

// Limits are the values of one run. A zero field has its default, which WithDefaults fills in.
type Limits struct {
	Join     time.Duration `json:"join,omitempty"`
	Media    time.Duration `json:"media,omitempty"`
	Fallback time.Duration `json:"fallback,omitempty"`
	Move     time.Duration `json:"move,omitempty"`
	Lookups  int           `json:"lookups,omitempty"`
	Watch    time.Duration `json:"watch,omitempty"`
	Reply    time.Duration `json:"reply,omitempty"`
	Teardown time.Duration `json:"teardown,omitempty"`
}

// limit is one of them, in a file.
type limit struct {
	name     string
	standard string
	about    string
	time     func(*Limits) *time.Duration // nil: a number
	number   func(*Limits) *int
}

var all = []limit{
	{name: "join", standard: "60s", about: "until a join has succeeded or failed", time: func(l *Limits) *time.Duration { return &l.Join }},
	{name: "media", standard: "60s", about: "until publishing or subscribing has succeeded or failed", time: func(l *Limits) *time.Duration { return &l.Media }},
	{name: "fallback", standard: "60s", about: "after a connection is lost, until there is another or a failure is reported", time: func(l *Limits) *time.Duration { return &l.Fallback }},
	{name: "move", standard: "30s", about: "after media stops arriving, until it goes another way or a failure is reported", time: func(l *Limits) *time.Duration { return &l.Move }},
	{name: "lookups", standard: "20", about: "how many lookup requests a join may make", number: func(l *Limits) *int { return &l.Lookups }},
	{name: "watch", standard: "30s", about: "how long an absence is watched, such as that nothing goes direct", time: func(l *Limits) *time.Duration { return &l.Watch }},
	{name: "reply", standard: "5s", about: "until a call that only sets something has returned", time: func(l *Limits) *time.Duration { return &l.Reply }},
	{name: "teardown", standard: "30s", about: "after leaving, how long packets may still be sent", time: func(l *Limits) *time.Duration { return &l.Teardown }},
}

// most is beyond any pace that people wait for: a file that asks for more has a unit wrong.
const most = time.Hour

// WithDefaults fills in what isn't set.
func (l Limits) WithDefaults() Limits {
	for _, one := range all {
		if !one.isSet(&l) {
			if err := one.set(&l, one.standard); err != nil {
				panic(err) // the table above is wrong
			}
		}
	}
	return l
}

func (one limit) isSet(l *Limits) bool {
	if one.time != nil {
		return *one.time(l) != 0
	}
	return *one.number(l) != 0
}

func (one limit) set(l *Limits, text string) error {
	if one.number != nil {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > 10_000 {
			return fmt.Errorf("%q is not a number from 1 to 10000", text)
		}
		*one.number(l) = n
		return nil
	}
	d, err := time.ParseDuration(text)
	switch {
	case err != nil:
		return fmt.Errorf(`%q is not a time: write it with its unit, as "90s" or "2m30s"`, text)
	case d < time.Millisecond || d > most:
		return fmt.Errorf("%s is not possible: give at least a millisecond and at most an hour", text)
	}
	*one.time(l) = d
	return nil
}

func (one limit) value(l *Limits) string {
	if one.time != nil {
		return plain(*one.time(l))
	}
	return strconv.Itoa(*one.number(l))
}

// plain is a duration without what is zero: "1m30s", "2m".
func plain(d time.Duration) string {
	if d < time.Minute {
		return d.String()
	}
	text := strings.TrimSuffix(d.String(), "m0s")
	if text != d.String() {
		text += "m"
	}
	return strings.Replace(text, "h0m", "h", 1)
}

// Read reads a limits file: a YAML map with any of the limits. Its error has a line for each mistake.
func Read(source []byte) (Limits, error) {
	var l Limits
	root, err := tree.YAML(source)
	if err != nil {
		return l, err
	}
	if root.Kind == tree.Null {
		return l, nil
	}
	if root.Kind != tree.Map {
		return l, fmt.Errorf("line %d: a limits file is a map, as \"join: 90s\", not %v", root.Line, root.Kind)
	}
	var mistakes []string
	wrong := func(n *tree.Node, format string, args ...any) {
		mistakes = append(mistakes, fmt.Sprintf("line %d, column %d: ", n.Line, n.Column)+fmt.Sprintf(format, args...))
	}
	for i, key := range root.Keys {
		value := root.Items[i]
		known := slices.ContainsFunc(all, func(one limit) bool { return one.name == key.Text })
		switch {
		case !known:
			wrong(key, "there is no limit %q%s", key.Text, hint(key.Text))
		case value.Kind != tree.String && value.Kind != tree.Number:
			wrong(value, "%s: %v is not a value", key.Text, value.Kind)
		default:
			if err := l.Set(key.Text, value.Text); err != nil {
				wrong(value, "%v", err)
			}
		}
	}
	if len(mistakes) > 0 {
		return Limits{}, fmt.Errorf("%s", strings.Join(mistakes, "\n"))
	}
	return l, nil
}

func hint(name string) string {
	var names []string
	for _, one := range all {
		names = append(names, one.name)
	}
	if found := nearest.Hint(name, names); found != "" {
		return found
	}
	return "; there are " + strings.Join(names, ", ")
}

// Example is a limits file with every limit at its default.
func Example() string {
	var b strings.Builder
	for _, one := range all {
		fmt.Fprintf(&b, "%-14s # %s\n", one.name+": "+one.standard, one.about)
	}
	return b.String()
}

// Changed is the limits that are not the defaults, as a report shows them.
func (l Limits) Changed() []result.Limit {
	var changed []result.Limit
	standard := Limits{}.WithDefaults()
	for _, one := range all {
		if one.isSet(&l) && one.value(&l) != one.value(&standard) {
			changed = append(changed, result.Limit{Name: one.name, Value: one.value(&l), Default: one.standard})
		}
	}
	return changed
}

// Set gives the limit of a name a value, as a file would.
func (l *Limits) Set(name, value string) error {
	for _, one := range all {
		if one.name == name {
			if err := one.set(l, value); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			return nil
		}
	}
	return fmt.Errorf("there is no limit %q%s", name, hint(name))
}
