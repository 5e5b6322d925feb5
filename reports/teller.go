package reports

import (
	"cmp"
	"fmt"
	"io"

	"github.com/proxyspec/proxyspec/conformance/result"
	"github.com/proxyspec/proxyspec/conformance/timeline"
)

// Teller writes a timeline for people, a line an event, while it comes.
type Teller struct {
	w     io.Writer
	paint paint
	hosts hosts
}

// NewTeller writes to w, with names for the addresses of some hosts.
func NewTeller(w io.Writer, hosts []result.Host, t Terminal) *Teller {
	return &Teller{w: w, paint: paint(t.Color), hosts: hostsOf(result.Case{Hosts: hosts})}
}

// Tell writes more events.
func (t *Teller) Tell(events []timeline.Event) error {
	for i := range events {
		e := &events[i]
		line := oneLine(t.hosts.sentence(e))
		switch {
		case e.Kind == timeline.KindStep:
			line = t.paint.bold(oneLine(cmp.Or(e.Detail, e.Name)))
			if _, err := fmt.Fprintln(t.w); err != nil {
				return err
			}
		case e.Verdict == "drop" || e.Verdict == "reject" || e.Code != "":
			line = t.paint.outcome(result.Fail, line)
		case e.Kind == timeline.KindPacket:
			line = t.paint.dim(line)
		}
		if _, err := fmt.Fprintf(t.w, "%s %s  %s\n", t.paint.dim(fmt.Sprintf("#%-6d", e.Seq)), t.paint.dim(fmt.Sprintf("%12s", clock(e.At))), line); err != nil {
			return err
		}
	}
	return nil
}
