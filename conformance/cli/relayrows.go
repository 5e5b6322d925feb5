package cli

import (
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/proxyspec/proxyspec/relay/check"
	"github.com/proxyspec/proxyspec/text/nearest"
)

// rows is those that the user asks for, in the catalogue's order.
func (o relayOrder) rows() ([]check.Row, error) {
	all := check.Rows()
	if o.only == nil {
		return all, nil
	}
	wanted := make(map[string]bool)
	for _, only := range o.only {
		found := false
		for _, row := range all {
			matched, err := path.Match(only, row.ID)
			if err != nil {
				return nil, usage(fmt.Errorf("--only %q isn't a pattern: write \"26/*\"", only))
			}
			if matched || strings.EqualFold(only, row.Requirement) || "CP-RLY-"+only == row.Requirement || "CP-RLY-0"+only == row.Requirement {
				wanted[row.ID], found = true, true
			}
		}
		if !found {
			return nil, usage(fmt.Errorf("--only %q names no row%s; --list lists them", only, nearest.Hint(only, names(all))))
		}
	}
	return slices.DeleteFunc(all, func(r check.Row) bool { return !wanted[r.ID] }), nil
}

func names(rows []check.Row) (all []string) {
	for _, r := range check.Requirements {
		all = append(all, r.ID)
	}
	for _, r := range rows {
		all = append(all, r.ID)
	}
	return all
}

// listRows lists what a check would send.
func (c *command) listRows(o relayOrder) error {
	rows, err := o.rows()
	if err != nil {
		return err
	}
	var b strings.Builder
	timed := 0
	for _, about := range check.Requirements {
		headed := false
		for _, row := range rows {
			if row.Requirement != about.ID {
				continue
			}
			if !headed {
				fmt.Fprintf(&b, "%s  %-22s %s\n", about.ID, about.Section, about.Title)
				headed = true
			}
			note := ""
			if row.Section != about.Section {
				note = "  (" + row.Section + ")"
			}
			if row.Should {
				note += "  (SHOULD)"
			}
			if row.Timed() {
				timed++
				note += "  (takes a clock that can be moved)"
			}
			fmt.Fprintf(&b, "  %s%s\n      sends     %s\n      expects   %s\n", row.ID, note, row.Sends, row.Expects)
		}
	}
	fmt.Fprintf(&b, "\n%d rows, %d of which take a clock that can be moved: \"proxyspec run features/relay\" has them\n", len(rows), timed)
	_, err = fmt.Fprint(c.stdout, b.String())
	return err
}

// rowProgress shows on a terminal which row is under way: against a server that is silent a check takes minutes.
type rowProgress struct {
	w     io.Writer
	total int
	drawn time.Time
}

func (p *rowProgress) draw(r *relayReport, id string) {
	width := terminalWidth(p.w)
	if width == 0 || time.Since(p.drawn) < redraw {
		return
	}
	p.drawn = time.Now()
	fmt.Fprintf(p.w, "\r\x1b[K%s", fit(fmt.Sprintf("%d of %d done, %d failed  %s", len(r.Rows), p.total, r.Failed, id), width-1))
}

// over takes the line away.
func (p *rowProgress) over() {
	if !p.drawn.IsZero() {
		fmt.Fprint(p.w, "\r\x1b[K")
	}
}
