package timeline

import (
	"bytes"
	"encoding/json"
	"net/netip"
)

// Compact is a timeline as a script for the page of a case: it calls proxyspecTimeline with rows of numbers, most of
// them indexes of a list of texts. A page that lies on a disk may load scripts, but no data. names are those behind
// addresses, heads the first bytes of packets by their Seq, cut says what was left out.
func Compact(events []Event, names map[netip.Addr]string, heads func(seq int) []byte, cut string) ([]byte, error) {
	c := compactor{index: map[string]int{"": 0}, texts: []string{""}}
	rows := make([][]any, 0, len(events))
	for _, e := range events {
		row := []any{
			e.Seq, e.At.Microseconds(), c.text(string(e.Kind)), c.text(e.Actor), c.text(e.Name), c.text(e.Proto), c.end(e.From), c.end(e.To),
			e.Length, c.text(e.Flags), c.text(e.Verdict), c.text(e.Rule), c.text(e.Purpose), c.text(words(e)),
		}
		if e.Code != "" || heads != nil {
			row = append(row, c.text(e.Code))
		}
		if heads != nil {
			if head := heads(e.Seq); head != nil {
				row = append(row, head) // encoding/json writes base64
			}
		}
		rows = append(rows, row)
	}
	hosts := make(map[string]string, len(names))
	for a, name := range names {
		hosts[a.String()] = name
	}
	var b bytes.Buffer
	b.WriteString("proxyspecTimeline(")
	err := json.NewEncoder(&b).Encode(struct {
		Texts []string          `json:"texts"`
		Hosts map[string]string `json:"hosts"`
		Cut   string            `json:"cut,omitempty"`
		Rows  [][]any           `json:"rows"`
	}{c.texts, hosts, cut, rows})
	b.Truncate(max(0, b.Len()-1)) // Encode's newline
	b.WriteString(");\n")
	return b.Bytes(), err
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
func words(e Event) string {
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
