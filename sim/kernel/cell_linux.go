package kernel

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"

	"github.com/proxyspec/proxyspec/sim/kernel/keeper"
	"github.com/proxyspec/proxyspec/sim/kernel/link"
)

// Cell is a place for one program: namespaces of its own, whose only way out is a TUN device. Connect the device to a
// network, Look, and Start the program. Close ends all that runs in it. It is gone with us, too.
type Cell struct {
	keeper *maker
	tun    *TUN
	once   sync.Once
	ending *os.File // tells how the program has ended
}

// NewCell makes a cell. A process that has kept one before is taken, if there is one.
func NewCell(at Site) (*Cell, error) {
	if !at.Address.Is4() || !at.DNS.Is4() {
		return nil, errors.New("a cell needs an IPv4 address and an IPv4 name server")
	}
	sockets, err := hostSockets()
	if err != nil {
		return nil, fmt.Errorf("list the Unix sockets of this machine: %w", err)
	}
	k, err := takeKeeper()
	if err != nil {
		return nil, errors.Join(err, Probe())
	}
	_, files, err := k.ask(keeper.Request{Open: &keeper.Opening{Address: at.Address.As4(), DNS: at.DNS.As4(), Sockets: sockets}})
	if err == nil && len(files) != 1 {
		err = fmt.Errorf("its device came with %d descriptors", len(files))
	}
	if err != nil {
		k.end()
		return nil, errors.Join(fmt.Errorf("set up a cell: %w", err), Probe())
	}
	return &Cell{keeper: k, tun: &TUN{file: os.NewFile(uintptr(files[0]), link.Device)}}, nil
}

// Device is the cell's: what the program sends is read from it, and what is written the program receives. It is the
// caller's to close.
func (c *Cell) Device() *TUN { return c.tun }

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
	r, _, err := c.keeper.ask(keeper.Request{Look: &keeper.Looking{
		Open: addrPorts(expect.Open), Closed: addrPorts(expect.Closed),
		Bait: addrPort(bait.Addr().(*net.TCPAddr).AddrPort()), Name: expect.Name,
	}}, namespace)
	if err != nil {
		return Proof{}, fmt.Errorf("look around in a cell: %w", err)
	}
	p := Proof{Proof: *r.Proof, Open: expect.Open, Closed: expect.Closed}
	if len(p.Breaches) > 0 {
		return p, fmt.Errorf("the program wasn't started, it would not be confined: %s", strings.Join(p.Breaches, "; "))
	}
	return p, nil
}

// addrPort is an address as keepers have them.
func addrPort(a netip.AddrPort) keeper.AddrPort {
	return keeper.AddrPort{Addr: a.Addr().As4(), Port: a.Port()}
}

func addrPorts(list []netip.AddrPort) (same []keeper.AddrPort) {
	for _, a := range list {
		same = append(same, addrPort(a))
	}
	return same
}

// Start lets a program in, once. Look must have gone well before.
func (c *Cell) Start(p Program) error {
	if len(p.Args) == 0 || c.ending != nil {
		return errors.New("a cell is for one program")
	}
	program, err := exec.LookPath(p.Args[0])
	if err == nil {
		program, err = filepath.Abs(program)
	}
	if err != nil {
		return fmt.Errorf("find the program to run: %w", err)
	}
	dir, err := os.Getwd()
	if err != nil {
		return err
	}
	ending, theirs, err := os.Pipe()
	if err != nil {
		return err
	}
	defer theirs.Close()
	_, _, err = c.keeper.ask(keeper.Request{Start: &keeper.Program{
		Args: append([]string{program}, p.Args[1:]...), Env: append(scrubbed(os.Environ()), p.Env...), Dir: dir,
	}}, append([]*os.File{theirs}, p.Files...)...)
	if err != nil {
		_ = ending.Close()
		return fmt.Errorf("let the program into its cell: %w", err)
	}
	c.ending = ending
	return nil
}

// Wait waits until the program has ended, and says how. It is for one call.
func (c *Cell) Wait() (syscall.WaitStatus, error) {
	if c.ending == nil {
		return 0, errors.New("no program was started in the cell")
	}
	defer c.ending.Close()
	var status [4]byte
	if _, err := io.ReadFull(c.ending, status[:]); err != nil {
		return 0, errors.New("the cell is gone, and the program with it")
	}
	return syscall.WaitStatus(binary.NativeEndian.Uint32(status[:])), nil
}

// Kill ends all that runs in the cell.
func (c *Cell) Kill() error {
	_, _, err := c.keeper.ask(keeper.Request{Kill: true})
	return err
}

// Close ends all that runs in the cell, and the cell.
func (c *Cell) Close() error {
	var err error
	c.once.Do(func() {
		if _, _, err = c.keeper.ask(keeper.Request{Close: true}); err != nil {
			c.keeper.end()
			return
		}
		leaveKeeper(c.keeper)
	})
	return err
}
