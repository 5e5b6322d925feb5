package memory

import (
	"runtime"
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"
)

const hugePage = 2 << 20

// rooms is where huge pages have been asked for, by address, and how much of it. The runtime never unmaps a heap.
var rooms sync.Map

// HugePages asks the kernel for memory in huge pages where the heap will grow by so many bytes: to fault it in by pages
// of 4 KiB is slow, and so is to find one of very many of them. Refused, it costs nothing. The next collection has the
// room back, untouched.
func HugePages(size int) {
	heap := make([]byte, size+hugePage)
	skip := -uintptr(unsafe.Pointer(unsafe.SliceData(heap))) & (hugePage - 1)
	room := heap[skip:][:size]
	_ = unix.Madvise(room, unix.MADV_HUGEPAGE)
	rooms.Store(uintptr(unsafe.Pointer(unsafe.SliceData(room))), uintptr(size))
	runtime.KeepAlive(heap)
}

// Mend makes huge pages anew of those that are none any more. The runtime gives back to the system what it has no use
// for, and for a few KiB of it the whole page is taken apart: with a heap of gigabytes that became a third of all, and
// what goes from one part of the heap to the other took half as long again. Linux can do it since 6.1.
func Mend() {
	for from, size := range rooms.Range {
		_, _, _ = unix.Syscall(unix.SYS_MADVISE, from.(uintptr), size.(uintptr), unix.MADV_COLLAPSE)
	}
}
