package cli

import (
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/proxyspec/proxyspec/conformance/result"
	"github.com/proxyspec/proxyspec/reports"
)

// journal writes reports of an unfinished run, so that what was finished is there when the process is killed. They
// say that the run was interrupted, and it was, if nothing better takes their place.
type journal struct {
	dir   string
	blank *result.Run
	meet  func(result.Product) // told once, of an SDK whose name and version only it can say; it changes blank
	cases []result.Case        // of the run; what isn't finished says so
	place map[string]int       // of a case among them
	lost  error                // why evidence, or a page, couldn't be written

	mu    sync.Mutex
	next  time.Time
	later *time.Timer // of the next writing; nil: nothing is new
}

// share is how much of a run's time the journal may take: writing gets dearer with every case, and so rarer.
const share = 1.0 / 40

func newJournal(dir string, blank *result.Run, cases []result.Case) *journal {
	j := &journal{dir: dir, blank: blank, cases: cases, place: make(map[string]int)}
	for i, c := range cases {
		j.place[c.ID] = i
	}
	return j
}

// ended is told of a case that is finished, and writes its page. That a report can't be written is found out, and
// said, in the end.
func (j *journal) ended(c *result.Case) {
	if c.Evidence.Lost != "" {
		j.lost = errors.New(c.Evidence.Lost)
		return
	}
	if j.meet != nil && c.Product != nil {
		j.mu.Lock()
		j.meet(*c.Product)
		j.meet = nil
		j.mu.Unlock()
	}
	if j.lost = reports.WritePage(j.dir, j.blank, c); j.lost != nil {
		return
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	known := *c
	if c.Failure != nil { // to which more is added when all cases have ended, while this may still be written
		failure := *c.Failure
		known.Failure = &failure
	}
	j.cases[j.place[c.ID]] = known
	if j.later == nil {
		j.later = time.AfterFunc(time.Until(j.next), func() {
			j.mu.Lock()
			defer j.mu.Unlock()
			if j.later != nil {
				j.later = nil
				_ = j.write()
			}
		})
	}
}

func (j *journal) write() error {
	began := time.Now()
	run := *j.blank
	label(&run, j.blank)
	run.Cases = slices.Clone(j.cases)
	run.Interrupted = true
	run.Wall = time.Since(run.Started)
	for _, c := range run.Cases {
		run.Virtual += c.Virtual
	}
	result.Judge(&run)
	err := reports.Write(j.dir, &run)
	took := time.Since(began)
	j.next = time.Now().Add(time.Duration(float64(took) / share))
	return err
}

// finish ends the journal, and writes those pages again of whose cases more is known by now: that they were expected
// to fail, and what would make them pass.
func (j *journal) finish(run *result.Run) (err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.later != nil {
		j.later.Stop()
		j.later = nil
	}
	for i := range run.Cases {
		if c := &run.Cases[i]; c.Known != "" || c.Failure != nil && len(c.Failure.Variants) > 0 {
			err = errors.Join(err, reports.WritePage(j.dir, run, c))
		}
	}
	return err
}
