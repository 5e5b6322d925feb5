package memory_test

import (
	"bytes"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/proxyspec/proxyspec/conformance/memory"
)

// TestMend takes every second 16 KiB of a heap away, and with them its huge pages.
func TestMend(t *testing.T) {
	var system unix.Utsname
	require.NoError(t, unix.Uname(&system))
	var major, minor int
	_, err := fmt.Sscanf(unix.ByteSliceToString(system.Release[:]), "%d.%d", &major, &minor)
	require.NoError(t, err)
	enabled, _ := os.ReadFile("/sys/kernel/mm/transparent_hugepage/enabled")
	if major < 6 || major == 6 && minor < 1 || len(enabled) == 0 || bytes.Contains(enabled, []byte("[never]")) {
		t.Skipf("Linux %d.%d with huge pages %q: it takes 6.1 that gives some", major, minor, enabled)
	}

	const size, piece = 64 << 20, 16 << 10
	memory.HugePages(2 * size)
	runtime.GC()
	pieces := make([][]byte, size/piece)
	for i := range pieces {
		pieces[i] = bytes.Repeat([]byte{1}, piece)
	}
	for i := 0; i < len(pieces); i += 2 {
		pieces[i] = nil
	}
	memory.Mend() // what is free may have been torn before
	if whole := inHugePages(t); whole < size>>10 {
		t.Skipf("of %d KiB the system gives %d in huge pages", size>>10, whole)
	}
	debug.FreeOSMemory()
	require.Less(t, inHugePages(t), size>>10/2, "this is no test: the runtime has given nothing back")
	memory.Mend()
	require.Greater(t, inHugePages(t), size>>10*3/4)
	for i := 1; i < len(pieces); i += 2 {
		require.Equal(t, bytes.Repeat([]byte{1}, piece), pieces[i])
	}
}

// inHugePages is how much of this process's memory is in huge pages, in KiB.
func inHugePages(t *testing.T) (kib int) {
	text, err := os.ReadFile("/proc/self/smaps_rollup")
	require.NoError(t, err)
	for line := range bytes.Lines(text) {
		if n, _ := fmt.Sscanf(string(line), "AnonHugePages: %d kB", &kib); n == 1 {
			return kib
		}
	}
	t.Fatalf("no AnonHugePages in %s", text)
	return 0
}
