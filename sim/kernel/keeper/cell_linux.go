package keeper

import (
	"errors"
	"fmt"
	"os"
	"runtime"

	"golang.org/x/sys/unix"

	"github.com/proxyspec/proxyspec/sim/kernel/link"
)

// cell is a place for a program: namespaces that belong to a thread.
type cell struct {
	work  chan func()
	tun   int // the device is there until this is closed, and the maker's
	hosts []string
	dns   Addr
	sound bool // a look has found what it should
}

// newCell starts the cell's thread, which is the host's in all but the user, process and mount namespaces yet.
func newCell() *cell {
	c := &cell{work: make(chan func()), tun: -1}
	go func() {
		runtime.LockOSThread() // for good: the thread ends with this goroutine, and the namespaces with the thread
		for f := range c.work {
			f()
		}
	}()
	return c
}

// do has the cell's thread do something.
func (c *cell) do(f func() error) (err error) {
	done := make(chan struct{})
	c.work <- func() { err = f(); close(done) }
	<-done
	return err
}

// close lets go of the cell but for its device; no process is in it any more.
func (c *cell) close() { close(c.work) }

// Device is the name of the only device that leads out of a cell.
const Device = "eth0"

// open makes the namespaces and what is in them.
func (c *cell) open(o Opening) error {
	if err := unix.Unshare(unix.CLONE_NEWNET | unix.CLONE_NEWNS | unix.CLONE_NEWIPC); err != nil {
		return fmt.Errorf("make namespaces: %w", err)
	}
	c.hosts, c.dns = o.Sockets, o.DNS
	if err := c.network(o.Address); err != nil {
		return err
	}
	return files(o)
}

// network makes the device.
func (c *cell) network(address Addr) error {
	lo, err := link.Index("lo")
	if err == nil {
		err = link.Up(lo)
	}
	if err != nil {
		return fmt.Errorf("switch the loopback device on: %w", err)
	}
	for _, name := range []string{"all", "default"} { // what an SDK does with IPv6 would have nowhere to go
		_ = os.WriteFile("/proc/sys/net/ipv6/conf/"+name+"/disable_ipv6", []byte("1"), 0)
	}
	if c.tun, err = link.TUN(Device); err != nil {
		return fmt.Errorf("make a TUN device: %w", err)
	}
	index, err := link.Index(Device)
	if err == nil {
		err = link.Up(index)
	}
	if err == nil {
		err = link.Address(index, address[:], 32)
	}
	if err == nil {
		err = link.Route(index, make([]byte, 4), 0)
	}
	if err != nil {
		return fmt.Errorf("set up the TUN device: %w", err)
	}
	return nil
}

// look drops all rights and looks around.
func (c *cell) look(l Looking, host int) (*Proof, error) {
	if c.sound {
		return nil, errors.New("the cell has been looked at already")
	}
	if err := dropRights(); err != nil {
		return nil, fmt.Errorf("drop all rights: %w", err)
	}
	proof := look(l, c.hosts, c.dns, host)
	c.sound = len(proof.Breaches) == 0
	return &proof, nil
}
