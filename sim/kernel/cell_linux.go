package kernel

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// cellVariable marks the environment of a process that is to make a cell and let a program into it.
const cellVariable = "PROXYSPEC_CELL"

// controlFD is the cell's end of the line to its maker.
const controlFD = 3

// cellLimit is how long any step of setting up a cell may take on a busy machine; one takes a few milliseconds.
const cellLimit = 20 * time.Second

// Cell is a place for one program: namespaces of its own, whose only way out is a TUN device. Start the command of
// NewCell, then Open the cell, connect its device to a network,
// Look and Enter. It is gone with the process of the
// command, and that with us.
type Cell struct {
	cfg     CellConfig
	control *net.UnixConn
	theirs  *os.File
}

// order is what a cell is told first.
type order struct {
	CellConfig
	Dir     string
	Environ []string
	Sockets []string // Unix sockets of the host, abstract ones with an @ in front
	Files   int      // how many the program gets besides the standard ones; they are there after control's
}

// admission is what a cell is told to look for.
type admission struct {
	Expect
	Bait netip.AddrPort // a listener on the host's loopback
}

// reply is what a cell says.
type reply struct {
	Fault string
	Proof Proof
}

// NewCell makes a cell and the command that runs it. Standard input, output and error of the command are the program's.
func NewCell(cfg CellConfig) (*Cell, *exec.Cmd, error) {
	if len(cfg.Program) == 0 || !cfg.Address.Is4() || !cfg.DNS.Is4() {
		return nil, nil, errors.New("a cell needs a program, an IPv4 address and an IPv4 name server")
	}
	program, err := exec.LookPath(cfg.Program[0])
	if err == nil {
		program, err = filepath.Abs(program)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("find the program to run: %w", err)
	}
	cfg.Program = append([]string{program}, cfg.Program[1:]...)
	self, err := os.Executable()
	if err != nil {
		return nil, nil, err
	}
	ends, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, err
	}
	ours, theirs := os.NewFile(uintptr(ends[0]), "cell"), os.NewFile(uintptr(ends[1]), "cell")
	defer ours.Close()
	conn, err := net.FileConn(ours)
	if err != nil {
		return nil, nil, errors.Join(err, theirs.Close())
	}
	cmd := exec.Command(self)
	// Nothing of our environment: the program's comes later. Without a PATH, no library of ours that asks other programs
	// for something as it starts takes the time for it, which is most of the time that a cell takes.
	cmd.Env = []string{cellVariable + "=1"}
	cmd.ExtraFiles = append([]*os.File{theirs}, cfg.Files...)
	cmd.SysProcAttr = attributes()
	cmd.SysProcAttr.Cloneflags |= unix.CLONE_NEWPID | unix.CLONE_NEWIPC
	return &Cell{cfg, conn.(*net.UnixConn), theirs}, cmd, nil
}

// Open waits until the cell, whose command has been started, is ready, and takes its device: what the program sends
// is read from it, and what is written the program receives.
func (c *Cell) Open() (*TUN, error) {
	_ = c.theirs.Close()
	sockets, err := hostSockets()
	if err != nil {
		return nil, fmt.Errorf("list the Unix sockets of this machine: %w", err)
	}
	dir, err := os.Getwd()
	if err != nil {
		return nil, err
	}
	o := order{CellConfig: c.cfg, Dir: dir, Environ: append(scrubbed(os.Environ()), c.cfg.Env...), Sockets: sockets, Files: len(c.cfg.Files)}
	if err := c.tell(o); err != nil {
		return nil, fmt.Errorf("set up a cell: %w", err)
	}
	_, files, err := c.hear()
	if err != nil {
		return nil, fmt.Errorf("set up a cell: %w", err)
	}
	if len(files) != 1 {
		return nil, fmt.Errorf("set up a cell: it sent %d descriptors for its device", len(files))
	}
	return &TUN{file: os.NewFile(uintptr(files[0]), tunDevice)}, nil
}

// Look has the cell see what can be reached from within, with the rights that the program will have. A proof with
// breaches is an error, and the cell is of no use then. When Look returns, nothing of it is under way any more up to
// the name server.
func (c *Cell) Look(expect Expect) (Proof, error) {
	bait, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return Proof{}, fmt.Errorf("listen where a cell must not reach: %w", err)
	}
	defer bait.Close()
	own, err := hostAddresses()
	if err != nil {
		return Proof{}, fmt.Errorf("list the addresses of this machine: %w", err)
	}
	expect.Closed = slices.Concat(expect.Closed, own)
	namespace, err := os.Open("/proc/self/ns/net")
	if err != nil {
		return Proof{}, err
	}
	defer namespace.Close()
	if err := c.tell(admission{expect, bait.Addr().(*net.TCPAddr).AddrPort()}, int(namespace.Fd())); err != nil {
		return Proof{}, fmt.Errorf("look around in a cell: %w", err)
	}
	r, _, err := c.hear()
	if err != nil {
		return Proof{}, fmt.Errorf("look around in a cell: %w", err)
	}
	if len(r.Proof.Breaches) > 0 {
		return r.Proof, fmt.Errorf("the program wasn't started, it would not be confined: %s", strings.Join(r.Proof.Breaches, "; "))
	}
	return r.Proof, nil
}

// Enter lets the program in. Look must have gone well before.
func (c *Cell) Enter() error {
	err := c.tell(struct{}{})
	if err == nil {
		_, _, err = c.hear()
	}
	if err != nil {
		return fmt.Errorf("let the program into its cell: %w", err)
	}
	return nil
}

// Close ends the cell and all that runs in it.
func (c *Cell) Close() error { return c.control.Close() }

// tell sends the cell a message, with descriptors.
func (c *Cell) tell(v any, files ...int) error {
	return send(c.control, v, files...)
}

// hear waits for a message of the cell.
func (c *Cell) hear() (reply, []int, error) {
	var r reply
	files, err := receive(c.control, &r)
	if err == nil && r.Fault != "" {
		err = errors.New(r.Fault)
	}
	return r, files, err
}

// send writes a message: JSON, with descriptors beside it.
func send(to *net.UnixConn, v any, files ...int) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	var rights []byte
	if len(files) > 0 {
		rights = unix.UnixRights(files...)
	}
	_ = to.SetWriteDeadline(time.Now().Add(cellLimit))
	_, _, err = to.WriteMsgUnix(text, rights, nil)
	return err
}

// longestMessage bounds a message; the longest has an environment and a list of sockets.
const longestMessage = 1 << 20

func receive(from *net.UnixConn, v any) (files []int, err error) {
	text, rights := make([]byte, longestMessage), make([]byte, unix.CmsgSpace(16))
	_ = from.SetReadDeadline(time.Now().Add(cellLimit))
	n, oob, _, _, err := from.ReadMsgUnix(text, rights)
	if err != nil {
		return nil, err
	}
	if n == 0 {
		return nil, errors.New("the other side is gone")
	}
	messages, err := unix.ParseSocketControlMessage(rights[:oob])
	if err != nil {
		return nil, err
	}
	for _, m := range messages {
		fds, err := unix.ParseUnixRights(&m)
		if err != nil {
			return nil, err
		}
		files = append(files, fds...)
	}
	for _, fd := range files {
		unix.CloseOnExec(fd)
	}
	return files, json.Unmarshal(text[:n], v)
}
