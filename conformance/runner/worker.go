package runner

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"runtime"
	"syscall"
	"time"

	"github.com/proxyspec/proxyspec/conformance/result"
	"github.com/proxyspec/proxyspec/conformance/timeline"
	"github.com/proxyspec/proxyspec/sim/bubble"
	"github.com/proxyspec/proxyspec/sim/kernel"
)

// workerVariable in the environment makes a process of this program a worker; it says of which network the first case is.
const workerVariable = "PROXYSPEC_WORKER"

// The descriptors that a worker speaks on. Not the standard ones: whatever a step or a library prints must
// not get between the results.
const (
	requestsFD = 3
	reportsFD  = 4
)

// request is what a worker reads: a case to run. Requests and reports are lines of JSON.
type request struct {
	Job
	Watchdog time.Duration `json:"watchdog"`
	Follow   bool          `json:"follow,omitempty"` // report the events of each step when it has ended
	Pause    bool          `json:"pause,omitempty"`  // before each step, until a request comes that says Go
	Go       bool          `json:"go,omitempty"`
}

// report is what a worker writes: first that it is ready, then one for each request.
type report struct {
	Ready  bool             `json:"ready,omitempty"`
	Fault  string           `json:"fault,omitempty"` // why it can't work at all
	Next   int              `json:"next,omitempty"`  // the number of a step, from 1, that waits for Go
	Events []timeline.Event `json:"events,omitempty"`
	Case   *result.Case     `json:"case,omitempty"`
	Retire string           `json:"retire,omitempty"` // why it must not be given another case
}

// WorkerMain makes this process a worker, if Run started it as one, and then doesn't return. Call it first in main,
// and in TestMain of a package that calls Run.
func WorkerMain(newStage NewStage) {
	network := os.Getenv(workerVariable)
	if network == "" {
		return
	}
	// A program that a world starts must inherit neither the role nor the descriptors.
	_ = os.Unsetenv(workerVariable)
	for _, fd := range []int{requestsFD, reportsFD} {
		syscall.CloseOnExec(fd)
		_ = syscall.SetNonblock(fd, true) // who waits for a request must not hold the only processor until the monitor sees it
	}
	if network == Kernel {
		go kernel.Ahead()
	}
	// On one processor the goroutines of a bubble come in one order, and so do its packets.
	runtime.GOMAXPROCS(1)
	if err := work(newStage, os.NewFile(requestsFD, "requests"), os.NewFile(reportsFD, "reports")); err != nil {
		fmt.Fprintln(os.Stderr, "worker:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// work runs one case after the other until there are no more requests.
func work(newStage NewStage, in io.Reader, out io.WriteCloser) error {
	reports := json.NewEncoder(out)
	if err := bubble.SelfTest(); err != nil {
		return reports.Encode(report{Fault: err.Error()})
	}
	if err := reports.Encode(report{Ready: true}); err != nil {
		return err
	}
	requests := make(chan request)
	// This goroutine ends with the process: when Run is gone, even in the midst of a case.
	go func() {
		decoder := json.NewDecoder(in)
		for {
			var r request
			if err := decoder.Decode(&r); err != nil {
				out.Close() // the process may take a while to end: see calmMonitor
				os.Exit(0)
			}
			requests <- r
		}
	}()
	prepareMemory()
	calm := false
	for r := range requests {
		if r.Network != Kernel && !calm {
			calm = true
			calmMonitor()
		}
		c, retire := playCase(newStage, r.Job, r.Watchdog, newNarrator(r, reports, requests))
		collect()
		if err := reports.Encode(report{Case: c, Retire: retire}); err != nil {
			return err
		}
	}
	return nil
}
