package cli

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/proxyspec/proxyspec/conformance/runner"
	"github.com/proxyspec/proxyspec/conformance/selection"
	"github.com/proxyspec/proxyspec/sim/kernel"
	"github.com/proxyspec/proxyspec/text/nearest"
)

// ExecPrefix begins the name of an SDK that is a program: what follows is its command, for a shell.
const ExecPrefix = "exec:"

// BrowserPrefix begins the name of an SDK in a browser: what follows is its script, or names one of ours.
const BrowserPrefix = "browser:"

// isProgram tells whether an SDK has a process of its own.
func isProgram(sdk string) bool {
	return strings.HasPrefix(sdk, ExecPrefix) || strings.HasPrefix(sdk, BrowserPrefix)
}

// network chooses the network of a run. note says of a choice that the user didn't make why it was made.
func network(sdk, asked string) (chosen, note string, err error) {
	program := isProgram(sdk)
	switch known := []string{runner.Virtual, runner.Kernel}; {
	case asked != "" && !slices.Contains(known, asked):
		return "", "", fmt.Errorf("--net %q isn't known%s; there are virtual and kernel", asked, nearest.Hint(asked, known))
	case program && asked == runner.Virtual:
		return "", "", fmt.Errorf("--net virtual can't be: a program has the sockets and the clock of a real kernel, and virtual time " +
			"exists in this process only; leave --net out")
	case program && asked == "":
		chosen, note = runner.Kernel, "a program needs the sockets of a real kernel: --net kernel is chosen, in real time"
	case asked == "":
		return runner.Virtual, "", nil
	default:
		chosen = asked
	}
	if chosen == runner.Kernel {
		if err := kernel.Probe(); err != nil {
			return "", "", fmt.Errorf("--net kernel: %w", err)
		}
	}
	return chosen, note, nil
}

// kernelJobs is how many cases of the kernel network run at once for each processor: most of the time they wait.
const kernelJobs = 4

// browserJobs is the same for browsers, which are busy themselves.
const browserJobs = 1

// place says where a case runs in a run on the kernel network.
func (c *command) place(s selection.Case) runner.Place {
	switch {
	case c.suite.Ground(s): // no SDK under test takes part
		return runner.Place{Network: runner.Virtual}
	case slices.Contains(s.Tags, "@exhaustive"):
		return runner.Place{NotRun: "not on the kernel network: it tries thousands of calls, which takes hours in real time"}
	case waits(s) > longestWait:
		return runner.Place{NotRun: fmt.Sprintf("not on the kernel network: its steps take %v of virtual time, and there time is real", waits(s))}
	}
	return runner.Place{Network: runner.Kernel}
}

// longestWait is how long a case may wait in real time.
const longestWait = 10 * time.Minute

var passing = regexp.MustCompile(`\b(\d+|an?|one) (second|minute|hour|day)s? pass(?:es)?\b`)

// waits is how much time the steps of a case say that they let pass.
func waits(s selection.Case) (sum time.Duration) {
	unit := map[string]time.Duration{"second": time.Second, "minute": time.Minute, "hour": time.Hour, "day": 24 * time.Hour}
	for _, step := range s.Steps {
		for _, found := range passing.FindAllStringSubmatch(step.Text, -1) {
			n, err := strconv.Atoi(found[1])
			if err != nil {
				n = 1
			}
			sum += time.Duration(n) * unit[found[2]]
		}
	}
	return sum
}
