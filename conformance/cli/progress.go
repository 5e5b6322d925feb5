package cli

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/proxyspec/proxyspec/conformance/result"
	"github.com/proxyspec/proxyspec/conformance/selection"
	"github.com/proxyspec/proxyspec/conformance/shard"
)

// progress shows how far a run is: on a terminal as one line that changes, elsewhere as a line at the
// beginning and one each tenth of a long run.
type progress struct {
	w       io.Writer // nil: quiet
	live    bool      // w is a terminal that can take a line back
	total   int
	done    int
	trouble int
	failing string // what becomes of cases that fail: "in trouble"
	virtual time.Duration
	current string // the case that began last

	cost  func(id string) int // of a case, in whatever unit
	begun time.Time
	all   int // the cost of all cases
	spent int // of those that are done
	drawn time.Time
	now   func() time.Time
}

const (
	redraw   = 50 * time.Millisecond // how often the live line may change: faster than that nobody reads
	fewCases = 20                    // a run too short for lines in between
	soon     = 2 * time.Second       // before that nobody can tell how long it will take
)

// newProgress begins with what is done to which cases; one may be named more than once.
func newProgress(w io.Writer, quiet bool, what string, ids []string, seed uint64) *progress {
	p := &progress{total: len(ids), failing: "in trouble", cost: shard.Costs(), now: time.Now}
	if quiet {
		return p
	}
	p.w, p.begun = w, p.now()
	for _, id := range ids {
		p.all += p.cost(id)
	}
	p.live = os.Getenv("TERM") != "dumb" && terminalWidth(w) > 0
	fmt.Fprintf(w, "%s: %s, seed %d\n", what, plural(p.total, "case"), seed)
	return p
}

func (p *progress) began(c selection.Case) {
	p.current = c.ID
	p.draw()
}

func (p *progress) ended(c *result.Case) {
	p.done++
	p.virtual += c.Virtual
	p.spent += p.cost(c.ID)
	switch c.Outcome {
	case result.Fail, result.HarnessFault, result.Undefined, result.UnexpectedPass:
		p.trouble++
	}
	if p.w != nil && !p.live && p.total >= fewCases && p.done < p.total && p.done*10/p.total != (p.done-1)*10/p.total {
		fmt.Fprintln(p.w, p.line())
	}
	p.draw()
}

func (p *progress) draw() {
	if !p.live || p.now().Sub(p.drawn) < redraw {
		return
	}
	p.drawn = p.now()
	// Asked each time: a window may have been made narrower, and a line that wraps can't be taken back.
	width, text := terminalWidth(p.w), p.line()
	if width < 60 { // that the time to go is still to be seen
		text = strings.Replace(text, " done", "", 1)
	}
	fmt.Fprintf(p.w, "\r\x1b[K%s", fit(text+"  "+p.current, width-1))
}

// over takes the live line away.
func (p *progress) over() {
	if p.live {
		fmt.Fprint(p.w, "\r\x1b[K")
	}
}

// line is what there is to say, the most wanted first: a narrow terminal shows only the beginning.
func (p *progress) line() string {
	text := fmt.Sprintf("%d of %d done, %d %s", p.done, p.total, p.trouble, p.failing)
	if left, known := p.left(); known {
		text += fmt.Sprintf(", %v to go", left)
	}
	return text + fmt.Sprintf(", %v of virtual time", p.virtual.Round(time.Second))
}

// left is how long the run will go on, if what is left costs what it cost when it was last measured, compared with
// what is done.
func (p *progress) left() (d time.Duration, known bool) {
	took := p.now().Sub(p.begun)
	if p.spent == 0 || p.done == p.total || took < soon {
		return 0, false
	}
	return time.Duration(float64(took) * float64(p.all-p.spent) / float64(p.spent)).Round(time.Second), true
}

// fit cuts a line to a width.
func fit(line string, width int) string {
	text := []rune(line)
	if len(text) <= width {
		return line
	}
	return string(append(text[:max(width-1, 0)], '…'))
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// terminalWidth is 0 where there is no terminal.
func terminalWidth(w io.Writer) int {
	if out, isOutput := w.(*output); isOutput {
		w = out.Writer
	}
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
