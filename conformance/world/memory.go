package world

import "sync"

// memory is what the evidence of a case is written on. It goes from case to case: it was a quarter of all that a run
// allocated.
type memory struct {
	text, fresh, heads []byte
	head               []part
}

var memories sync.Pool // of *memory

// mostMemory is how much of it is kept: few cases need a MiB.
const mostMemory = 16 << 20

// borrow takes the memory that another case had.
func (w *World) borrow() {
	if m, _ := memories.Get().(*memory); m != nil {
		w.evidence.text, w.recorder.file.fresh, w.recorder.heads, w.recorder.head = m.text[:0], m.fresh[:0], m.heads[:0], m.head[:0]
	}
}

// giveBack leaves it to the next one, when everything has been written.
func (w *World) giveBack() {
	m := &memory{w.evidence.text, w.recorder.file.fresh, w.recorder.heads, w.recorder.head}
	w.evidence.text, w.recorder.file.fresh, w.recorder.heads, w.recorder.head = nil, nil, nil, nil
	if cap(m.text)+cap(m.fresh)+cap(m.heads)+8*cap(m.head) <= mostMemory {
		memories.Put(m)
	}
}
