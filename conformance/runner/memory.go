package runner

import (
	"runtime"
	"runtime/debug"

	"github.com/proxyspec/proxyspec/conformance/memory"
)

const (
	// most is what a worker may need before its garbage is collected in the midst of a case.
	most = 1 << 30
	// garbage is how much may be left behind by cases before it is collected: most leave a few MiB, and what is
	// collected after each costs more than they do.
	garbage = 64 << 20
	// first is the first part of a worker's heap, in huge pages: to fault it in by small ones, as anew each case does, was
	// a tenth of a run.
	first = 256 << 20
)

// prepareMemory keeps the garbage collector from running in the midst of a case: it stops goroutines where it
// finds them, and then they come in another order. Between cases it is called; a case that needs a great deal of
// memory has it collected all the same, rather than none left for anyone.
func prepareMemory() {
	debug.SetGCPercent(-1)
	debug.SetMemoryLimit(most)
	memory.HugePages(first)
	deepStacks()
	runtime.GC() // takes the memory of the one back, untouched, and learns from the other
}

// collect collects garbage, if it is worth it. What was free after a collection the runtime would give back to the
// system piece by piece, to ask for it again in the next large case: a twentieth of a run. It keeps more, the more
// its goal has grown since the collection, and the goal follows the limit.
func collect() {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	if m.HeapAlloc > garbage {
		debug.SetMemoryLimit(most / 4)
		runtime.GC()
		debug.SetMemoryLimit(most)
	}
}

// What a goroutine of a world mostly needs of its stack, for TLS, HTTP or WebRTC, and enough of them for an average.
const (
	deepStack = 4 << 10
	many      = 64
)

// deepStacks has goroutines begin with 8 KiB of stack: from two, most grew twice and were copied, which was a
// twentieth of a run. The runtime gives a new one what was used on average by those that a collection found; between
// cases there are few but these.
func deepStacks() {
	parked := make(chan struct{})
	for range many {
		go park(parked, deepStack)
		<-parked
	}
}

// park uses so much of its stack, and stays.
func park(parked chan<- struct{}, size int) {
	if size > 0 {
		var room [512]byte
		park(parked, size-len(room))
		runtime.KeepAlive(&room)
		return
	}
	parked <- struct{}{}
	select {}
}
