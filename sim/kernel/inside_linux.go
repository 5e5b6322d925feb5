package kernel

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// CellMain makes this process a cell, if NewCell's command started it as one, and then doesn't return. Call it first
// in main, and in TestMain of a package that makes cells.
func CellMain() {
	if os.Getenv(cellVariable) == "" {
		return
	}
	_ = os.Unsetenv(cellVariable)
	_ = os.Setenv(insideVariable, "1")
	syscall.CloseOnExec(controlFD)
	file := os.NewFile(controlFD, "control")
	conn, err := net.FileConn(file)
	if err != nil {
		os.Exit(1) // there is nobody to tell
	}
	_ = file.Close()
	in := &inside{control: conn.(*net.UnixConn)}
	if err := in.run(); err != nil {
		_ = send(in.control, reply{Fault: err.Error()})
	}
	os.Exit(1) // a program that ran has ended this process
}

// inside is the first process of a cell. It is root there until the program starts, and its end is the end of
// every process in the cell.
type inside struct {
	control *net.UnixConn
	order   order
	extra   []*os.File // the program's besides the standard ones
}

func (in *inside) run() error {
	if _, err := receive(in.control, &in.order); err != nil {
		return err
	}
	for i := range in.order.Files { // they came after the control, and the program gets copies
		fd := controlFD + 1 + i
		syscall.CloseOnExec(fd)
		in.extra = append(in.extra, os.NewFile(uintptr(fd), "extra"))
	}
	if err := in.network(); err != nil {
		return err
	}
	if err := in.files(); err != nil {
		return err
	}
	var a admission
	files, err := receive(in.control, &a)
	if err != nil {
		return err
	}
	if len(files) != 1 {
		return errors.New("no descriptor of the host's network came")
	}
	started := make(chan error)
	var cmd *exec.Cmd
	go func() {
		// Rights belong to a thread, and a child has those of the thread that started it. This one never goes back.
		runtime.LockOSThread()
		var err error
		cmd, err = in.admit(a, files[0])
		started <- err
		select {} // a child that is to end with its parent ends with this thread
	}()
	if err := <-started; err != nil || cmd == nil {
		return err
	}
	return in.stay(cmd.Process.Pid)
}

// network makes the device and hands it over.
func (in *inside) network() error {
	if err := loopbackUp(); err != nil {
		return fmt.Errorf("switch the loopback device on: %w", err)
	}
	for _, name := range []string{"all", "default"} { // what an SDK does with IPv6 would have nowhere to go
		_ = os.WriteFile("/proc/sys/net/ipv6/conf/"+name+"/disable_ipv6", []byte("1"), 0)
	}
	tun, err := OpenTUN(cellDevice, netip.PrefixFrom(in.order.Address, 32))
	if err != nil {
		return err
	}
	if err := tun.Route(netip.MustParsePrefix("0.0.0.0/0")); err != nil {
		return err
	}
	if err := send(in.control, reply{}, int(tun.file.Fd())); err != nil {
		return err
	}
	return tun.Close() // theirs holds the device
}

// cellDevice is the name of the only device that leads out of a cell.
const cellDevice = "eth0"

// admit drops all rights, looks around, and starts the program when it is told to. If what it saw is not well it
// starts nothing.
func (in *inside) admit(a admission, hostNamespace int) (*exec.Cmd, error) {
	if err := dropRights(); err != nil {
		return nil, fmt.Errorf("drop all rights: %w", err)
	}
	proof := look(a, in.order.Sockets, hostNamespace)
	_ = unix.Close(hostNamespace)
	if err := send(in.control, reply{Proof: proof}); err != nil || len(proof.Breaches) > 0 {
		return nil, err
	}
	if _, err := receive(in.control, &struct{}{}); err != nil {
		return nil, err
	}
	cmd := &exec.Cmd{Path: in.order.Program[0], Args: in.order.Program, Dir: in.order.Dir, Env: in.order.Environ,
		Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, ExtraFiles: in.extra}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the program: %w", err)
	}
	return cmd, send(in.control, reply{})
}

// stay waits for the program and ends as it did. Children that lost their parents are ours to wait for.
func (in *inside) stay(program int) error {
	for _, f := range append(in.extra, os.Stdin, os.Stdout, os.Stderr) {
		_ = f.Close() // whether the program has closed its own must show
	}
	_ = in.control.SetReadDeadline(noDeadline)
	go func() {
		_, _ = in.control.Read(make([]byte, 1)) // nothing comes any more, but the end
		os.Exit(1)
	}()
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, 0, nil)
		switch {
		case errors.Is(err, syscall.EINTR):
		case err != nil:
			return err
		case pid == program && status.Signaled():
			os.Exit(128 + int(status.Signal()))
		case pid == program:
			os.Exit(status.ExitStatus())
		}
	}
}
