package trace_test

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/sim/trace"
)

var runs = flag.Int("runs", 50, "how often TestOneSeedOneTrace runs each workload")

// TestOneSeedOneTrace runs each workload again and again, in a process that uses one processor: with more, library
// goroutines race.
func TestOneSeedOneTrace(t *testing.T) {
	if os.Getenv("GOMAXPROCS") != "1" {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestOneSeedOneTrace$", "-test.v", fmt.Sprint("-runs=", *runs))
		cmd.Env = append(os.Environ(), "GOMAXPROCS=1")
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s", out)
		t.Logf("%s", out)
		return
	}
	defer debug.SetGCPercent(debug.SetGCPercent(-1)) // a collection between two runs only
	for name, play := range map[string]func(*testing.T, *stage){"UDP": udp, "TCP": tcp, "TLS": overTLS, "TURN": overTURN} {
		t.Run(name, func(t *testing.T) {
			first := perform(t, 1, play)
			require.Greater(t, first.Len(), 100)
			for i := 1; i < *runs; i++ {
				if i%10 == 0 {
					runtime.GC()
				}
				other := perform(t, 1, play)
				require.Empty(t, trace.Diff(first, other), "run %d of %d", i+1, *runs)
			}
			require.NotEqual(t, first.Hash(), perform(t, 2, play).Hash(), "another seed, another trace")
			t.Logf("%d packets, trace %s, %d times", first.Len(), first.Hash(), *runs)
		})
	}
}

// TestDiffNamesTheFirstPacket compares two runs that part somewhere.
func TestDiffNamesTheFirstPacket(t *testing.T) {
	a, b := perform(t, 1, udp), perform(t, 2, udp)
	require.Contains(t, trace.Diff(a, b), "the traces differ from packet ")
	require.Regexp(t, `first  [0-9.]+ms wall in  UDP 10\.0\.0\.[23]:49152 > 192\.0\.2\.1:7, [0-9]+ bytes, allow by rule default`, trace.Diff(a, b))
	require.Empty(t, trace.Diff(a, a))
	require.Contains(t, trace.Diff(a, &trace.Trace{}), "other  ends after 0 packets")
}
