package runner

import (
	"os"
	"strconv"
	"strings"
	"syscall"
	"unsafe"
)

// schedIdle is the policy of threads that get what time of the processors nobody else wants. There is no way back.
const schedIdle = 5

// calmMonitor makes the runtime's monitor such a thread. It has a goroutine stopped which has run for 10 ms of real time,
// so that another comes first: on a busy machine, where a worker waits as long for a processor, one case of 300 so had
// its packets in another order; to be nice, by 10, wasn't enough. What the monitor does besides, to take the place of a
// goroutine that waits in a system call, can wait in virtual time.
func calmMonitor() {
	for range 100 { // it may be waiting for something else just now
		if id := sleeping(); id != 0 {
			var priority int32
			_, _, _ = syscall.Syscall(syscall.SYS_SCHED_SETSCHEDULER, uintptr(id), schedIdle, uintptr(unsafe.Pointer(&priority)))
			return
		}
	}
}

// sleeping is the thread of this process that sleeps, which only the monitor does; zero if there is none, or more than one.
func sleeping() (id int) {
	const tasks = "/proc/self/task/"
	threads, _ := os.ReadDir(tasks)
	for _, t := range threads {
		call, _ := os.ReadFile(tasks + t.Name() + "/syscall")
		if number, _, _ := strings.Cut(string(call), " "); number != strconv.Itoa(syscall.SYS_NANOSLEEP) {
			continue
		}
		if id != 0 {
			return 0
		}
		id, _ = strconv.Atoi(t.Name())
	}
	return id
}
