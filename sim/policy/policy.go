package policy

import (
	"math"
	"strings"
	"time"

	"github.com/proxyspec/proxyspec/sim/firewall"
	"github.com/proxyspec/proxyspec/sim/policy/internal/region"
)

// Policy is a list of what must be open, as a vendor publishes it. Parse and Embedded make sound ones.
type Policy struct {
	ID      string    // "cloud-proxy-test"
	Vendor  string    // who publishes the list
	Source  string    // where: a document, a page, a ticket
	AsOf    time.Time // the day on which the list was right, in UTC; zero: nobody knows
	Stage   Stage
	Region  string       // where it applies; empty: everywhere, or not said
	Mode    string       // the vendor's way of connecting that the list is for, such as "cloud-proxy"
	SDK     VersionRange // the SDK versions that the list is for; the zero value holds all
	Entries []Entry

	File  string   // its name, for findings
	Notes Findings // of a table: what its reader understood, and what it left out

	start Pos            // of the file's first value
	at    map[string]Pos // where fields stand
}

// Stage is what the addresses of a list are for.
type Stage string

// The stages. The zero value is a list that doesn't say.
const (
	Test       Stage = "test"
	Production Stage = "production"
)

// Level is how much depends on an entry.
type Level string

// The levels. Without a required entry calls fail; without a recommended one they are worse.
const (
	Required    Level = "required"
	Recommended Level = "recommended"
)

// Entry is one row: its protocols, at each of its destinations, on each of its ports.
type Entry struct {
	ID           string // unique in its policy: "T1"
	Protocols    []firewall.Proto
	Destinations []Destination
	Ports        []PortGroup // none: any port
	Purpose      string      // of the whole entry; empty if its groups of ports have their own
	Level        Level
	SupersededBy string    // ID of the entry that takes this one's place
	AsOf         time.Time // zero: the policy's
	At           Pos

	at     map[string]Pos
	broken bool // its form has mistakes: what it opens isn't known
}

// PortGroup is ports that serve one purpose.
type PortGroup struct {
	Ranges  []Range
	Purpose string // empty: the entry's
}

// Range is ports and where they stand.
type Range struct {
	firewall.PortRange
	At Pos
}

// Pos is a place in a file, counted from 1; zero is a policy that wasn't read.
type Pos struct{ Line, Column int }

// Name is the file that the policy was read from, or its ID.
func (p *Policy) Name() string {
	if p.File != "" {
		return p.File
	}
	return p.ID
}

// Entry finds an entry by its ID.
func (p *Policy) Entry(id string) (*Entry, bool) {
	for i := range p.Entries {
		if p.Entries[i].ID == id {
			return &p.Entries[i], true
		}
	}
	return nil, false
}

// Pairs is how many pairs of address and port the entries by address open, each protocol counted;
// math.MaxUint64 stands for that many and more. Domains have no addresses of their own and add nothing.
func (p *Policy) Pairs() uint64 {
	var sum uint64
	for _, o := range openings(p) {
		sum = saturated(sum, o.reach.Count())
	}
	return sum
}

// saturated adds, and stays at math.MaxUint64 once there.
func saturated(a, b uint64) uint64 {
	if a+b < a {
		return math.MaxUint64
	}
	return a + b
}

// ranges is the entry's ranges of ports in their order; none means any port.
func (e *Entry) ranges() (out []firewall.PortRange) {
	for _, g := range e.Ports {
		for _, r := range g.Ranges {
			out = append(out, r.PortRange)
		}
	}
	return out
}

// ports is the entry's ports as a set.
func (e *Entry) ports() region.Ports {
	if len(e.Ports) == 0 {
		return region.AllPorts()
	}
	return region.NewPorts(e.ranges()...)
}

// groups is the entry's ports by purpose: one group without purposes of its own has the entry's.
func (e *Entry) groups() []purposed {
	if len(e.Ports) == 0 {
		return []purposed{{region.AllPorts(), e.Purpose}}
	}
	if e.Purpose != "" || e.Ports[0].Purpose == "" {
		return []purposed{{e.ports(), e.Purpose}}
	}
	var out []purposed
	for _, g := range e.Ports {
		var ranges []firewall.PortRange
		for _, r := range g.Ranges {
			ranges = append(ranges, r.PortRange)
		}
		out = append(out, purposed{region.NewPorts(ranges...), g.Purpose})
	}
	return out
}

// purposed is ports and what they are for.
type purposed struct {
	ports   region.Ports
	purpose string
}

// PurposeText is what the entry is for, in one line: "messages and media".
func (e *Entry) PurposeText() string {
	if e.Purpose != "" {
		return e.Purpose
	}
	var all []string
	for _, g := range e.Ports {
		if g.Purpose != "" {
			all = append(all, g.Purpose)
		}
	}
	return strings.Join(all, " and ")
}

// PurposeOf is what one port of the entry is for.
func (e *Entry) PurposeOf(port uint16) string {
	for _, g := range e.Ports {
		for _, r := range g.Ranges {
			if g.Purpose != "" && r.First <= port && port <= r.Last {
				return g.Purpose
			}
		}
	}
	return e.PurposeText()
}
