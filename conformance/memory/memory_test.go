package memory_test

import (
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/conformance/memory"
)

// The room isn't held.
func TestHugePagesAreGivenBack(t *testing.T) {
	const size = 1 << 30
	memory.HugePages(size)
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	require.Less(t, m.HeapAlloc, uint64(size/2))
	require.GreaterOrEqual(t, m.HeapSys, uint64(size), "the heap has not been as large")
}
