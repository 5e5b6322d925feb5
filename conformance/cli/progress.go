package cli

import (
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/proxyspec/proxyspec/conformance/result"
	"github.com/proxyspec/proxyspec/conformance/selection"
)

// progress shows how far a run is: on a terminal as one line that changes, elsewhere as a line at the
// beginning and one each tenth of a long run.
type progress struct {
	w       io.Writer // nil: quiet
	width   int       // of the terminal; 0: there is none
	total   int
	done    int
	trouble int
	failing string // what becomes of cases that fail: "in trouble"
	virtual time.Duration
	current string // the case that began last
	drawn   time.Time
}

// redraw is how often the live line may change: faster than that nobody reads.
const redraw = 50 * time.Millisecond

// fewCases is a run too short for lines in between.
const fewCases = 20

// newProgress begins with what is done to how many cases.
func newProgress(w io.Writer, quiet bool, what string, total int, seed uint64) *progress {
	p := &progress{total: total, failing: "in trouble"}
	if quiet {
		return p
	}
	p.w = w
	if os.Getenv("TERM") != "dumb" {
		p.width = terminalWidth(w)
	}
	fmt.Fprintf(w, "%s: %s, seed %d\n", what, plural(total, "case"), seed)
	return p
}

func (p *progress) began(c selection.Case) {
	p.current = c.ID
	p.draw()
}

func (p *progress) ended(c *result.Case) {
	p.done++
	p.virtual += c.Virtual
	switch c.Outcome {
	case result.Fail, result.HarnessFault, result.Undefined, result.UnexpectedPass:
		p.trouble++
	}
	if p.w != nil && p.width == 0 && p.total >= fewCases && p.done < p.total && p.done*10/p.total != (p.done-1)*10/p.total {
		fmt.Fprintln(p.w, p.counts())
	}
	p.draw()
}

func (p *progress) draw() {
	if p.width == 0 || time.Since(p.drawn) < redraw {
		return
	}
	p.drawn = time.Now()
	line := []rune(p.counts() + "  " + p.current)
	if len(line) >= p.width {
		line = append(line[:max(p.width-2, 0)], '…')
	}
	fmt.Fprintf(p.w, "\r\x1b[K%s", string(line))
}

// over takes the live line away.
func (p *progress) over() {
	if p.width > 0 {
		fmt.Fprint(p.w, "\r\x1b[K")
	}
}

func (p *progress) counts() string {
	return fmt.Sprintf("%d of %d done, %d %s, %v of virtual time", p.done, p.total, p.trouble, p.failing, p.virtual.Round(time.Second))
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// terminalWidth is 0 where there is no terminal.
func terminalWidth(w io.Writer) int {
	f, isFile := w.(*os.File)
	if !isFile {
		return 0
	}
	size, err := unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ)
	if err != nil {
		return 0
	}
	if size.Col == 0 { // a terminal that doesn't say
		return 80
	}
	return int(size.Col)
}

func isTerminal(w io.Writer) bool { return terminalWidth(w) > 0 }
