package runner

import (
	"runtime"
	"syscall"
	"unsafe"
)

// The first part of a worker's heap, and the size of a huge page.
const (
	hugeHeap = 256 << 20
	hugePage = 2 << 20
)

// hugePages asks the kernel for memory in huge pages where the heap will grow: to fault it in by pages of 4 KiB, as
// anew each case does, was a tenth of a run. Refused, it costs nothing. The next collection has it back.
func hugePages() {
	heap := make([]byte, hugeHeap+hugePage)
	skip := -uintptr(unsafe.Pointer(unsafe.SliceData(heap))) & (hugePage - 1)
	_ = syscall.Madvise(heap[skip:skip+hugeHeap], syscall.MADV_HUGEPAGE)
	runtime.KeepAlive(heap)
}
