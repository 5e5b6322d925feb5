package adapter_test

import (
	"context"
	"os"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/conformance/adapter"
	"github.com/proxyspec/proxyspec/conformance/contract"
)

// conduct, in the environment, makes a process of this test an adapter that conducts itself so.
const conduct = "ADAPTER_TEST_CONDUCT"

func TestMain(m *testing.M) {
	if how := os.Getenv(conduct); how != "" {
		misbehave(how)
	}
	os.Exit(m.Run())
}

// session is a client that calls an adapter of this conduct.
type session struct {
	*contract.Client
	process *adapter.Process
	ended   chan error

	mu  sync.Mutex
	log []string
}

// group is this test as a program, in a process group of its own.
type group struct {
	path, how string
	*os.Process
}

func (g *group) Start(stdin, stdout, stderr *os.File) (err error) {
	g.Process, err = os.StartProcess(g.path, []string{g.path}, &os.ProcAttr{
		Env: append(os.Environ(), conduct+"="+g.how), Files: []*os.File{stdin, stdout, stderr}, Sys: &syscall.SysProcAttr{Setpgid: true}})
	return err
}

func (g *group) Wait() (syscall.WaitStatus, error) {
	state, err := g.Process.Wait()
	if err != nil {
		return 0, err
	}
	return state.Sys().(syscall.WaitStatus), nil
}

func (g *group) Kill() error { return syscall.Kill(-g.Pid, syscall.SIGKILL) }

func start(t *testing.T, how string) *session {
	t.Helper()
	s := &session{ended: make(chan error, 1)}
	self, err := os.Executable()
	require.NoError(t, err)
	s.process, err = adapter.Start(&group{path: self, how: how}, func(l contract.Log) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.log = append(s.log, l.Message)
	})
	require.NoError(t, err)
	s.Client = contract.NewClient(contract.ClientConfig{RW: s.process})
	ctx, cancel := context.WithCancel(t.Context())
	go func() { s.ended <- s.Run(ctx) }()
	t.Cleanup(cancel)
	return s
}

func (s *session) hello(t *testing.T, limit time.Duration) error {
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	var r contract.HelloResult
	return s.Call(ctx, contract.MethodHello, contract.Hello{Protocol: contract.Protocol}, &r)
}

// TestMisbehaviourEndsInANamedFault has every kind of broken adapter end in bounded time, and leave nothing behind.
func TestMisbehaviourEndsInANamedFault(t *testing.T) {
	for how, want := range map[string]string{
		"answer twice":        "a second reply to request 1",
		"wrong id":            "request 4711, which was never made",
		"invalid UTF-8":       "the line is not UTF-8",
		"2 MiB line":          "line is longer than 1048576 bytes",
		"exit in a call":      "it ended: exit status 3; the last that it wrote to standard error: giving up",
		"crash of Node":       "it ended: exit status 1; the last that it wrote to standard error: Error: Cannot find module 'ws'",
		"crash under a shell": "it ended: exit status 134, which is how a shell says: killed by signal aborted; the last that it wrote to standard error: terminate called after throwing",
		"fork and exit":       "it ended: exit status 0",
		"fork far and exit":   "while a child of it held its standard output open",
		"flood":               "it wrote more than 16 MiB to standard error",
		"garbage":             `not a JSON-RPC frame: invalid character 'r' looking for beginning of value (only messages may be on standard output: whatever else is printed belongs on standard error): "ready!"`,
		"close stdout":        "it closed its standard output and went on running",
		"killed":              "it ended: killed by signal killed",
		"cut short":           "unexpected EOF",
		"neither nor":         "must have either a result or an error",
		"a code of its own":   "error code 7, which the contract doesn't have",
		"a request":           "neither a reply nor a notification",
		"a result of a kind":  "result of hello",
	} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			began := time.Now()
			s := start(t, how)
			err := s.hello(t, 20*time.Second)
			if err == nil {
				err = <-s.ended // the fault came after the answer
			}
			var fault *contract.Fault
			require.ErrorAs(t, err, &fault)
			require.ErrorContains(t, fault, want)
			require.Less(t, len(fault.Error()), 1000)
			require.NoError(t, s.process.Close())
			require.Less(t, time.Since(began), 20*time.Second)
		})
	}
}

func TestSilenceCostsOneDeadline(t *testing.T) {
	s := start(t, "never answer")
	require.ErrorContains(t, s.hello(t, 100*time.Millisecond), "hello has not ended: context deadline exceeded")
	began := time.Now()
	require.NoError(t, s.process.Close())
	require.Less(t, time.Since(began), adapter.Grace+3*time.Second, "it holds on, and is killed")
}

func TestStandardErrorIsALog(t *testing.T) {
	s := start(t, "log")
	require.NoError(t, s.hello(t, 20*time.Second))
	require.NoError(t, s.Call(t.Context(), contract.MethodShutdown, nil, nil))
	require.NoError(t, <-s.ended)
	require.NoError(t, s.process.Close())
	require.True(t, s.process.Success())
	require.Equal(t, []any{1001, "line 1", "line 1000", "200 more lines were left out"},
		[]any{len(s.log), s.log[0], s.log[999], s.log[len(s.log)-1]})
}
