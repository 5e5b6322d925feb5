package reports

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/proxyspec/proxyspec/conformance/result"
	"github.com/proxyspec/proxyspec/conformance/timeline"
)

// hosts knows the names behind the addresses of a case.
type hosts map[netip.Addr]string

func hostsOf(c result.Case) hosts {
	h := make(hosts)
	for _, host := range c.Hosts {
		for _, a := range host.Addrs {
			h[a] = host.Name
		}
	}
	return h
}

// name is who has an address, or the address itself.
func (h hosts) name(a netip.Addr) string {
	if name, ok := h[a]; ok {
		return name
	}
	return a.String()
}

// end says who and where one end of a packet is: the address is what an administrator needs, the name what
// a reader needs. ICMP has no ports.
func (h hosts) end(a netip.AddrPort) string {
	at := a.String()
	if a.Port() == 0 {
		at = a.Addr().String()
	}
	if name, ok := h[a.Addr()]; ok {
		return name + " " + at
	}
	return at
}

// longestDetail is how much of an event's own words a report repeats: a call's detail can be all of its
// parameters. The timeline has them whole.
const longestDetail = 160

// sentence says an event in one line of words, without its time and number.
func (h hosts) sentence(e *timeline.Event) string {
	detail := clip(e.Detail, longestDetail)
	switch e.Kind {
	case timeline.KindPacket:
		return note(h.packet(e), ruling(e), detail)
	case timeline.KindCall:
		return note(e.Actor+" calls "+e.Name, detail)
	case timeline.KindResult:
		if e.Code != "" {
			return note(e.Actor+": "+e.Name+" failed", e.Code, detail)
		}
		return note(e.Actor+": "+e.Name+" succeeded", detail)
	case timeline.KindStep:
		return note("step", cmp.Or(detail, e.Name))
	case timeline.KindWorld:
		return note("the world changes", e.Name, detail)
	}
	parts := []string{e.Name}
	if ends := h.ends(e); ends != "" {
		parts = append(parts, ends)
	}
	if e.Session != "" {
		parts = append(parts, "session "+e.Session)
	}
	if e.User != "" {
		parts = append(parts, "user "+e.User)
	}
	if e.Peer != "" {
		parts = append(parts, "about user "+e.Peer)
	}
	if e.Media != "" {
		parts = append(parts, e.Media)
	}
	if e.Count > 1 {
		parts = append(parts, fmt.Sprintf("%d in all", e.Count))
	}
	if e.Frames > 0 {
		parts = append(parts, plural(e.Frames, "frame", "frames"))
	}
	if e.Length > 0 {
		parts = append(parts, size(e.Length))
	}
	return note(e.Actor+" logs "+strings.Join(parts, ", "), e.Code, detail)
}

// packet says what passed, or didn't.
func (h hosts) packet(e *timeline.Event) string {
	parts := []string{strings.TrimSpace(e.Proto + " " + h.ends(e))}
	if e.Flags != "" {
		parts = append(parts, e.Flags)
	}
	if e.Length > 0 {
		parts = append(parts, size(e.Length))
	}
	if e.Count > 1 {
		parts = append(parts, fmt.Sprintf("%d packets", e.Count))
	}
	return strings.Join(parts, ", ")
}

func (h hosts) ends(e *timeline.Event) string {
	switch {
	case e.From.IsValid() && e.To.IsValid():
		return h.end(e.From) + " → " + h.end(e.To)
	case e.From.IsValid():
		return "from " + h.end(e.From)
	case e.To.IsValid():
		return "to " + h.end(e.To)
	}
	return ""
}

// ruling is the firewall's verdict and the rule that gave it: "dropped by rule default".
func ruling(e *timeline.Event) string {
	did := e.Verdict
	switch did {
	case "allow":
		did = "allowed"
	case "drop":
		did = "dropped"
	case "reject":
		did = "rejected"
	}
	if did == "" || e.Rule == "" {
		return did
	}
	return did + " by rule " + e.Rule
}

// note joins what is not empty with colons.
func note(parts ...string) string {
	return strings.Join(slices.DeleteFunc(parts, func(p string) bool { return p == "" }), ": ")
}

// clip shortens words to so many letters.
func clip(words string, most int) string {
	if utf8.RuneCountInString(words) <= most {
		return words
	}
	return strings.TrimSpace(string([]rune(words)[:most-1])) + "…"
}
