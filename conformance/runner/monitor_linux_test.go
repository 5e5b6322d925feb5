package runner

import (
	"fmt"
	"os"
	"strconv"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestMonitorOfAVirtualWorkerIsCalm looks at the threads of a worker that has run a case.
func TestMonitorOfAVirtualWorkerIsCalm(t *testing.T) {
	if _, err := os.ReadFile("/proc/self/syscall"); err != nil {
		t.Skipf("this system doesn't tell what threads wait for: %v", err)
	}
	program, err := os.Executable()
	require.NoError(t, err)
	for network, want := range map[string]int{Virtual: 1, Kernel: 0} {
		p, err := newProcess(t.Context(), program, Virtual)
		require.NoError(t, err)
		defer p.stop()
		cfg := Config{Cases: cases(t, "s: nothing happens")}.withDefaults()
		job := cfg.job(cfg.task(cfg.Cases[0]))
		job.Network = network
		_, _, err = p.run(t.Context(), request{Job: job, Watchdog: cfg.Watchdog}, cfg.CaseLimit, nil)
		require.NoError(t, err)
		require.Equal(t, want, idle(t, p.cmd.Process.Pid), network)
	}
}

// idle counts the threads of a process that get what time nobody else wants.
func idle(t *testing.T, pid int) (n int) {
	threads, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	require.NoError(t, err)
	for _, thread := range threads {
		id, err := strconv.Atoi(thread.Name())
		require.NoError(t, err)
		if policy, _, _ := syscall.Syscall(syscall.SYS_SCHED_GETSCHEDULER, uintptr(id), 0, 0); policy == schedIdle {
			n++
		}
	}
	return n
}
