package cli

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// serves SIGNALS PROGRAM ARGS... runs a server and sends it signals, one after the other: hup, term or int, each
// when the log says that it is ready for it. "deaf" is none: from there on nobody reads its log, which is a pipe. "stall"
// is a hup that finds accounts which never come. What it says is left in "out" and "err", and its exit code in "code".
func serves(ts *testscript.TestScript, _ bool, args []string) {
	program, err := exec.LookPath(filepath.Join(ts.Getenv("PROXYSPEC_BIN"), args[1]))
	ts.Check(err)
	cmd := exec.Command(program, args[2:]...)
	cmd.Dir = ts.Getenv("WORK")
	cmd.Env = append(os.Environ(), "TMPDIR="+cmd.Dir) // where the demo has its files
	out, err := os.Create(ts.MkAbs("out"))
	ts.Check(err)
	defer out.Close()
	errs, err := os.Create(ts.MkAbs("err"))
	ts.Check(err)
	defer errs.Close()
	reader, pipe, err := os.Pipe()
	ts.Check(err)
	cmd.Stdout, cmd.Stderr = out, pipe
	ts.Check(cmd.Start())
	pipe.Close()
	copied := make(chan struct{})
	go func() {
		defer close(copied)
		_, _ = io.Copy(errs, reader)
	}()
	defer func() {
		<-copied // as the process has ended, or nobody reads
		reader.Close()
	}()
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	said := func(text string) {
		for began := time.Now(); time.Since(began) < time.Minute; time.Sleep(time.Millisecond) {
			if log, _ := os.ReadFile(ts.MkAbs("err")); bytes.Contains(log, []byte(text)) {
				return
			}
			if len(ended) > 0 {
				break
			}
		}
		_ = cmd.Process.Kill()
		log, _ := os.ReadFile(ts.MkAbs("err"))
		ts.Fatalf("it didn't say %q:\n%s", text, log)
	}
	said("the cloud proxy is up")
	for _, name := range bytes.Split([]byte(args[0]), []byte(",")) {
		switch string(name) {
		case "deaf":
			reader.Close()
		case "stall":
			accounts, err := filepath.Glob(filepath.Join(cmd.Dir, "proxyspec-demo-*", "accounts.yaml"))
			ts.Check(err)
			ts.Check(os.Remove(accounts[0]))
			ts.Check(syscall.Mkfifo(accounts[0], 0o600))
			ts.Check(cmd.Process.Signal(syscall.SIGHUP))
		case "hup":
			ts.Check(cmd.Process.Signal(syscall.SIGHUP))
			said("reload")
		case "term":
			ts.Check(cmd.Process.Signal(syscall.SIGTERM))
		case "int":
			ts.Check(cmd.Process.Signal(os.Interrupt))
		}
	}
	code := 0
	select {
	case err = <-ended:
	case <-time.After(time.Minute):
		_ = cmd.Process.Kill()
		ts.Fatalf("it didn't end")
	}
	var failed *exec.ExitError
	if errors.As(err, &failed) {
		code = failed.ExitCode()
	}
	ts.Check(os.WriteFile(ts.MkAbs("code"), []byte(strconv.Itoa(code)+"\n"), 0o644))
}
