package timeline

import (
	"encoding/base64"
	"encoding/json"
	"net/netip"
	"strconv"
)

// Compact is a timeline as a script for the page of a case: it calls proxyspecTimeline with rows of numbers, most of
// them indexes of a list of texts. A page that lies on a disk may load scripts, but no data. names are those behind
// addresses, heads the first bytes of packets by their Seq, cut says what was left out. It is appended to b.
func Compact(b []byte, events []Event, names map[netip.Addr]string, heads func(seq int) []byte, cut string) ([]byte, error) {
	c := compactor{index: map[string]int{"": 0}, texts: []string{""}}
	rows := append(b, `proxyspecTimeline({"rows":[`...) // without encoding/json, which takes five times as long
	for i := range events {
		e := &events[i]
		if i > 0 {
			rows = append(rows, ',')
		}
		rows = append(rows, '[')
		for _, n := range [...]int{
			e.Seq, int(e.At.Microseconds()), c.text(string(e.Kind)), c.text(e.Actor), c.text(e.Name), c.text(e.Proto), c.end(e.From), c.end(e.To),
			e.Length, c.text(e.Flags), c.text(e.Verdict), c.text(e.Rule), c.text(e.Purpose), c.text(words(e)),
		} {
			rows = append(strconv.AppendInt(rows, int64(n), 10), ',')
		}
		if e.Code != "" || heads != nil {
			rows = append(strconv.AppendInt(rows, int64(c.text(e.Code)), 10), ',')
		}
		if heads != nil {
			if head := heads(e.Seq); head != nil {
				rows = append(base64.StdEncoding.AppendEncode(append(rows, '"'), head), '"', ',')
			}
		}
		rows[len(rows)-1] = ']' // instead of the last comma
	}
	hosts := make(map[string]string, len(names))
	for a, name := range names {
		hosts[a.String()] = name
	}
	rest, err := json.Marshal(struct {
		Texts []string          `json:"texts"`
		Hosts map[string]string `json:"hosts"`
		Cut   string            `json:"cut,omitempty"`
	}{c.texts, hosts, cut})
	if err != nil {
		return nil, err
	}
	return append(append(append(rows, "],"...), rest[1:]...), ");\n"...), nil
}

type compactor struct {
	index map[string]int
	texts []string
	ends  map[netip.AddrPort]int
}

func (c *compactor) text(s string) int {
	i, known := c.index[s]
	if !known {
		i = len(c.texts)
		c.index[s], c.texts = i, append(c.texts, s)
	}
	return i
}

func (c *compactor) end(a netip.AddrPort) int {
	if !a.IsValid() {
		return 0
	}
	if i, known := c.ends[a]; known {
		return i
	}
	if c.ends == nil {
		c.ends = make(map[netip.AddrPort]int)
	}
	i := c.text(a.String())
	c.ends[a] = i
	return i
}

// words is what an event says besides the fields that have a place of their own.
func words(e *Event) string {
	text := e.Detail
	for _, more := range []struct{ name, value string }{
		{"user", e.User}, {"about", e.Peer}, {"", e.Media}, {"session", e.Session}, {"digest", e.Digest},
	} {
		if more.value == "" {
			continue
		}
		if text != "" {
			text += ", "
		}
		if more.name != "" {
			text += more.name + " "
		}
		text += more.value
	}
	return text
}
