package memory

import (
	"runtime"
	"syscall"
	"unsafe"
)

const hugePage = 2 << 20

// HugePages asks the kernel for memory in huge pages where the heap will grow by so many bytes: to fault it in by pages
// of 4 KiB is slow, and so is to find one of very many of them. Refused, it costs nothing. The next collection has the
// room back, untouched.
func HugePages(size int) {
	heap := make([]byte, size+hugePage)
	skip := -uintptr(unsafe.Pointer(unsafe.SliceData(heap))) & (hugePage - 1)
	_ = syscall.Madvise(heap[skip:int(skip)+size], syscall.MADV_HUGEPAGE)
	runtime.KeepAlive(heap)
}
