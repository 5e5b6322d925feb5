package world

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/proxyspec/proxyspec/conformance/result"
	"github.com/proxyspec/proxyspec/conformance/timeline"
	"github.com/proxyspec/proxyspec/sim/capture"
	"github.com/proxyspec/proxyspec/sim/firewall"
)

// budget is how many bytes a case's capture may have, and its timeline too. Beyond it, the beginning, the end and
// every packet that was stopped are kept.
const budget = 64 << 20

// evidence is the files of a case. They are written as far as they go whenever a step begins, so that they are there
// if the process doesn't live to the end.
type evidence struct {
	folder            string   // absolute; "" keeps nothing
	capture, timeline *os.File // from the first step to the end
	told              int      // events that are in the timeline's file
	size              int64
	text              []byte // what is written next; kept for its memory
}

// The names of a case's files.
const (
	captureFile  = "capture.pcapng"
	timelineFile = "timeline.json"
	scriptFile   = "timeline.js"
)

// KeepIn says where the evidence goes: a folder of its own for each case, below the report's.
func (w *World) KeepIn(out, id string) (err error) {
	if out == "" {
		return nil
	}
	w.evidence.folder = filepath.Join(out, "evidence", filepath.FromSlash(id))
	w.borrow()
	w.recorder.capture, err = capture.New(&w.recorder.file, "office", "internet")
	return err
}

// open makes the files anew.
func (e *evidence) open() (err error) {
	if err = os.MkdirAll(e.folder, 0o755); err != nil {
		return err
	}
	if err := os.Remove(filepath.Join(e.folder, scriptFile)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if e.capture, err = create(filepath.Join(e.folder, captureFile)); err != nil {
		return err
	}
	e.timeline, err = create(filepath.Join(e.folder, timelineFile))
	return err
}

func create(name string) (*os.File, error) {
	return os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
}

// Save writes what there is by now.
func (w *World) Save() error {
	e := &w.evidence
	if e.folder == "" {
		return nil
	}
	if e.timeline == nil {
		if err := e.open(); err != nil {
			return err
		}
	}
	w.net.Do(func() { e.text = w.recorder.file.take(e.text) })
	if len(e.text) > 0 {
		if _, err := e.capture.Write(e.text); err != nil {
			return err
		}
	}
	if e.size > budget/2 {
		return nil // the rest is written in the end
	}
	events := w.Timeline.Events()
	return e.tell(events[e.told:], len(events))
}

// tell adds events to the timeline's file, which is whole JSON after each time.
func (e *evidence) tell(events []timeline.Event, told int) error {
	if len(events) == 0 && e.size > 0 {
		return nil
	}
	at := max(0, e.size-1) // over the bracket
	text := e.text[:0]
	if e.size == 0 {
		text = append(text, '[')
	}
	for i := range events {
		if i > 0 || e.told > 0 {
			text = append(text, ',')
		}
		text = append(timeline.AppendJSON(text, &events[i]), '\n')
	}
	text = append(text, ']')
	e.text = text
	if _, err := e.timeline.WriteAt(text, at); err != nil {
		return err
	}
	e.size, e.told = at+int64(len(text)), told
	return nil
}

// keep finishes the files and names them in the case.
func (w *World) keep(c *result.Case) (err error) {
	e := &w.evidence
	defer func() {
		for _, file := range []*os.File{e.capture, e.timeline} {
			if file != nil { // it is nil where the folder couldn't be made
				err = errors.Join(err, file.Close())
			}
		}
		w.giveBack()
	}()
	if err := w.recorder.capture.Close(); err != nil {
		return err
	}
	if err := w.Save(); err != nil {
		return err
	}
	if rest := w.recorder.file.rest(); len(rest) > 0 {
		if _, err := e.capture.Write(rest); err != nil {
			return err
		}
	}
	events := w.Timeline.Events()
	shown := events[:e.told:e.told]
	if e.told < len(events) {
		tail := essential(events[e.told:])
		shown = append(slices.Clone(shown), tail...)
		if err := e.tell(tail, len(events)); err != nil {
			return err
		}
	}
	cut := ""
	if left := w.recorder.file.cut; left > 0 {
		cut = fmt.Sprintf("%d blocks of the capture", left)
	}
	if left := len(events) - len(shown); left > 0 {
		if cut != "" {
			cut += " and "
		}
		cut += fmt.Sprintf("%d events of the timeline", left)
	}
	if cut != "" {
		cut += " are left out: more than 64 MiB; the beginning, the end and every packet that was stopped are there"
	}
	if e.text, err = timeline.Compact(e.text[:0], shown, w.names, w.recorder.headOf, cut); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(e.folder, scriptFile), e.text, 0o644); err != nil {
		return err
	}
	c.Evidence = result.EvidenceOf(c.ID)
	c.Evidence.Cut = cut
	return nil
}

// lastEvents is how many events of the end a timeline keeps that is too long.
const lastEvents = 50_000

// essential is what is kept of the events beyond the budget: all but allowed packets, and the end.
func essential(events []timeline.Event) (kept []timeline.Event) {
	for i, e := range events {
		if e.Kind != timeline.KindPacket || e.Verdict != firewall.Allow.String() && e.Verdict != "" || i >= len(events)-lastEvents {
			kept = append(kept, e)
		}
	}
	return kept
}

// blocks takes the blocks of a capture within a budget: of what is too much, the end and what must be kept.
type blocks struct {
	fresh []byte // of the head, what nobody has taken
	head  int    // its size
	keep  bool   // the next block must stay
	tail  []block
	kept  []block // from before the tail
	size  int     // of the tail
	limit int     // of the head, and of the tail; zero: the usual one
	next  int
	cut   int // blocks that were left out
}

type block struct {
	number int
	keep   bool
	text   []byte
}

func (b *blocks) Write(text []byte) (int, error) {
	if b.limit == 0 {
		b.limit = budget / 2
	}
	if len(b.tail) == 0 && b.head+len(text) <= b.limit {
		b.head += len(text)
		if len(b.fresh)+len(text) > cap(b.fresh) { // append would grow it by a quarter only
			b.fresh = slices.Grow(b.fresh, max(len(b.fresh), len(text), 64<<10))
		}
		b.fresh = append(b.fresh, text...)
		return len(text), nil
	}
	b.next++
	b.tail = append(b.tail, block{b.next, b.keep, bytes.Clone(text)})
	for b.size += len(text); b.size > b.limit && len(b.tail) > 1; b.tail = b.tail[1:] {
		b.size -= len(b.tail[0].text)
		if b.tail[0].keep {
			b.kept = append(b.kept, b.tail[0])
		} else {
			b.cut++
		}
	}
	return len(text), nil
}

// take is what has come to the head since it was last called, in exchange for memory to write on in.
func (b *blocks) take(spare []byte) (text []byte) {
	text, b.fresh = b.fresh, spare[:0]
	return text
}

// rest is what comes after the head.
func (b *blocks) rest() (text []byte) {
	for _, one := range append(slices.Clone(b.kept), b.tail...) {
		text = append(text, one.text...)
	}
	return text
}
