package runner

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/conformance/result"
	"github.com/proxyspec/proxyspec/conformance/selection"
)

func TestRunOutlivesItsWorkers(t *testing.T) {
	chosen := cases(t,
		"first: nothing happens",
		"exit: nothing happens; it prints to stdout; the process exits 7",
		"after exit: nothing happens",
		"exit 0: the process exits 0",
		"back: a goroutine panics; 1 seconds pass",
		"leak: a goroutine is left",
		"after leak: nothing happens",
		"freeze: it waits for a real pipe",
		"spin: it never comes to an end",
		"prints: it prints to stdout",
		"last: 10 hours pass",
	)
	var began, ended []string
	run, err := Run(context.Background(), Config{
		Cases: chosen, Seed: 1, SDK: "toy", Jobs: 1, Watchdog: time.Second,
		Began: func(c selection.Case) { began = append(began, c.Name) },
		Ended: func(c *result.Case) { ended = append(ended, c.Name) },
	})
	require.NoError(t, err)
	require.False(t, run.Interrupted)
	require.Equal(t, began, ended)
	require.Len(t, ended, len(chosen))
	for i, want := range []struct {
		outcome         result.Outcome
		message, actual string
	}{
		{result.Pass, "", ""},
		{result.HarnessFault, "the worker process was lost: it ended: exit status 7", "{\"ready\":true}\na last word"},
		{result.Pass, "", ""},
		{result.HarnessFault, "the worker process was lost: it ended", ""},
		{result.HarnessFault, "the worker process was lost: it ended: exit status 2", "panic: ouch in the back"},
		{result.HarnessFault, "end the bubble: bubble: 1 goroutine left", "leftover"},
		{result.Pass, "", ""},
		{result.HarnessFault, "bubble: frozen", "realPipe"},
		{result.HarnessFault, "bubble: not done after 1s of real time", "spin"},
		{result.Pass, "", ""},
		{result.Pass, "", ""},
	} {
		c := run.Cases[i]
		require.Equal(t, chosen[i].ID, c.ID)
		require.Equal(t, want.outcome, c.Outcome, "%s: %v", c.Name, c.Failure)
		if want.outcome == result.Pass {
			require.Nil(t, c.Failure)
			continue
		}
		require.Contains(t, c.Failure.Message, want.message, c.Name)
		require.Contains(t, c.Failure.Actual, want.actual, c.Name)
		require.Equal(t, fmt.Sprintf("proxyspec run features/toys.feature:%d --seed 1 --sdk toy", c.Line), c.Failure.Replay)
	}
	require.Contains(t, run.Cases[5].Failure.Expected, "ends its own at shutdown")
	require.Equal(t, 10*time.Hour, run.Cases[10].Virtual)
	require.Equal(t, 10*time.Hour, run.Virtual)
	require.Positive(t, run.Wall)
}

// The first case is for the worker to begin with, which takes a while on a busy machine: the late one begins at once.
func TestRunStopsALateCase(t *testing.T) {
	run, err := Run(context.Background(), Config{
		Cases: cases(t, "first: nothing happens", "spin: it prints to stdout; it never comes to an end", "next: nothing happens"), Jobs: 1,
		CaseLimit: 5 * time.Second,
	})
	require.NoError(t, err)
	require.Equal(t, result.Pass, run.Cases[0].Outcome)
	require.Equal(t, result.HarnessFault, run.Cases[1].Outcome)
	require.Equal(t, "the case wasn't done after 5s of real time", run.Cases[1].Failure.Message)
	require.Contains(t, run.Cases[1].Failure.Actual, "a last word")
	require.Equal(t, result.Pass, run.Cases[2].Outcome)
}

// TestRunDependsOnNothingElse runs the same cases with other numbers of workers, and backwards.
func TestRunDependsOnNothingElse(t *testing.T) {
	var scenarios []string
	for i := range 12 {
		scenarios = append(scenarios, []string{
			fmt.Sprintf("pass %d: %d minutes pass", i, i+1),
			fmt.Sprintf("fail %d: it fails well", i),
			fmt.Sprintf("unknown %d: nothing hapens", i),
			fmt.Sprintf("exit %d: the process exits 3", i),
		}[i%4])
	}
	chosen := cases(t, scenarios...)
	outcome := func(chosen []selection.Case, jobs int) map[string]string {
		run, err := Run(context.Background(), Config{Cases: chosen, Seed: 42, SDK: "toy", Jobs: jobs})
		require.NoError(t, err)
		found := make(map[string]string)
		for _, c := range run.Cases {
			c.Wall = 0
			text, err := json.Marshal(c)
			require.NoError(t, err)
			found[c.ID] = string(text)
		}
		return found
	}
	first := outcome(chosen, 1)
	require.Len(t, first, len(chosen))
	require.Equal(t, first, outcome(chosen, 3))
	backwards := make([]selection.Case, len(chosen))
	for i, c := range chosen {
		backwards[len(chosen)-1-i] = c
	}
	require.Equal(t, first, outcome(backwards, 2))
}

func TestRunInterrupted(t *testing.T) {
	chosen := cases(t, "done: nothing happens", "spin: it leaves a mark; it never comes to an end",
		"spin too: it leaves a mark; it never comes to an end", "never: nothing happens")
	out := t.TempDir()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var watcher sync.WaitGroup
	watcher.Go(func() {
		for ctx.Err() == nil {
			if marks, _ := os.ReadDir(out); len(marks) == 2 {
				cancel()
			}
			time.Sleep(time.Millisecond)
		}
	})
	run, err := Run(ctx, Config{Cases: chosen, Jobs: 2, Out: out})
	watcher.Wait()
	require.NoError(t, err)
	require.True(t, run.Interrupted)
	for i, want := range []string{"", "the run ended while this case was running", "the run ended while this case was running", "the run ended before this case began"} {
		if want == "" {
			require.Equal(t, result.Pass, run.Cases[i].Outcome)
			continue
		}
		require.Equal(t, result.NotRun, run.Cases[i].Outcome)
		require.Equal(t, want, run.Cases[i].Failure.Message)
		require.NotEmpty(t, run.Cases[i].Failure.Replay)
	}

	t.Run("after the last case it wasn't", func(t *testing.T) {
		ctx, cancel := context.WithCancel(context.Background())
		run, err := Run(ctx, Config{Cases: chosen[:1], Ended: func(*result.Case) { cancel() }})
		require.NoError(t, err)
		require.False(t, run.Interrupted)
	})
	t.Run("before the first case nothing runs", func(t *testing.T) {
		run, err := Run(ctx, Config{Cases: chosen})
		require.NoError(t, err)
		require.True(t, run.Interrupted)
		require.Equal(t, result.NotRun, run.Cases[0].Outcome)
	})
	t.Run("what its place keeps from running says so all the same", func(t *testing.T) {
		cfg := Config{Cases: chosen, Place: func(selection.Case) Place { return Place{NotRun: "not here"} }}
		run, err := Run(ctx, cfg)
		require.NoError(t, err)
		require.Equal(t, "not here", run.Cases[0].Failure.Message)
		require.Equal(t, "not here", Unfinished(cfg)[0].Failure.Message)
	})
}

func TestRunRefuses(t *testing.T) {
	_, err := Run(context.Background(), Config{})
	require.EqualError(t, err, "runner: there is no case to run")
	t.Setenv(workerVariable, "1")
	_, err = Run(context.Background(), Config{Cases: cases(t, "s: nothing happens")})
	require.ErrorContains(t, err, "main must call runner.WorkerMain first")
}

func TestProcessThatIsNoWorker(t *testing.T) {
	for name, script := range map[string]string{
		"start a worker process: it ended: exit status 3; it printed:\nusage": "echo usage; exit 3",
		"start a worker process: it doesn't speak as one":                     "echo '{}' >&4; sleep 60",
		"start a worker process: virtual time is broken":                      `echo '{"fault":"virtual time is broken"}' >&4; sleep 60`,
		"start a worker process: it ended":                                    "echo nonsense >&4; sleep 60",
	} {
		program := filepath.Join(t.TempDir(), "program")
		require.NoError(t, os.WriteFile(program, []byte("#!/bin/sh\n"+script), 0o755))
		_, err := newProcess(context.Background(), program, Virtual)
		require.ErrorContains(t, err, name)
	}
	_, err := newProcess(context.Background(), "/nowhere", Virtual)
	require.ErrorContains(t, err, "start a worker process: fork/exec /nowhere")
}

// TestKillReachesAll looks for a program that a worker had started.
func TestKillReachesAll(t *testing.T) {
	dir := t.TempDir()
	program := filepath.Join(dir, "program")
	// The sleeper doesn't keep our pipes open, so nothing but the kill of its group can end it in time.
	script := "#!/bin/sh\nsleep 60 3<&- 4>&- >/dev/null 2>&1 & echo $! > '" + dir + "/pid'; echo '{\"ready\":true}' >&4; wait\n"
	require.NoError(t, os.WriteFile(program, []byte(script), 0o755))
	p, err := newProcess(context.Background(), program, Virtual)
	require.NoError(t, err)
	pid := readPID(t, filepath.Join(dir, "pid"))
	require.NoError(t, syscall.Kill(pid, 0))
	_ = p.kill()
	require.Eventually(t, func() bool { return gone(pid) }, time.Second, time.Millisecond)
}

func readPID(t *testing.T, name string) int {
	text, err := os.ReadFile(name)
	require.NoError(t, err)
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	require.NoError(t, err)
	return pid
}

// gone tells whether a process has ended, be it that nobody has waited for it.
func gone(pid int) bool {
	if syscall.Kill(pid, 0) != nil {
		return true
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err != nil || strings.Contains(string(status), ") Z ")
}

func TestTail(t *testing.T) {
	var log tail
	fmt.Fprint(&log, " one\n")
	require.Equal(t, "one", log.String())
	fmt.Fprint(&log, strings.Repeat("x", longestDump), "\xff\n")
	require.True(t, strings.HasPrefix(log.String(), "[...] xxx"))
	require.True(t, strings.HasSuffix(log.String(), "x?"))
	require.LessOrEqual(t, len(log.String()), longestDump+len("[...] "))
	log.reset()
	require.Empty(t, log.String())
}

func TestQuote(t *testing.T) {
	for arg, want := range map[string]string{
		"features/flow/lookup.feature:12": "features/flow/lookup.feature:12",
		"mutant:direct-media":             "mutant:direct-media",
		"exec:./sdk --fast":               "'exec:./sdk --fast'",
		"it's":                            `'it'\''s'`,
		"größe.feature:1":                 "größe.feature:1",
		"":                                "''",
	} {
		require.Equal(t, want, quote(arg))
	}
}

// BenchmarkThousandCases is what a run costs when its cases cost nothing.
func BenchmarkThousandCases(b *testing.B) {
	chosen := slices.Repeat(cases(b, "s: nothing happens; 10 minutes pass; nothing happens"), 1000)
	for i := range chosen {
		chosen[i].ID = fmt.Sprint(i)
	}
	for b.Loop() {
		run, err := Run(context.Background(), Config{Cases: chosen})
		require.NoError(b, err)
		for _, c := range run.Cases {
			require.Equal(b, result.Pass, c.Outcome, c.Failure)
		}
	}
}
