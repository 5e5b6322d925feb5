package sim_test

import (
	"syscall"
	"time"
)

// runtimeNow is real time, also in a bubble.
func runtimeNow() time.Duration {
	var ts syscall.Timeval
	_ = syscall.Gettimeofday(&ts)
	return time.Duration(ts.Nano())
}
