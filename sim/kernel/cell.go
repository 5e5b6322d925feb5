package kernel

import (
	"fmt"
	"net/netip"
	"os"

	"github.com/proxyspec/proxyspec/sim/kernel/keeper"
)

// Site is where in a network a cell is.
type Site struct {
	Address netip.Addr // the only address there; IPv4
	DNS     netip.Addr // of the name server; IPv4
}

// Expect is what a program in a cell must find before it is let in.
type Expect struct {
	Open   []netip.AddrPort // TCP connections that must succeed; IPv4
	Closed []netip.AddrPort // TCP connections that must not; the cell adds the addresses of the host
	Name   string           // a name that must have an address; empty: none is asked for
}

// Proof is what was found in a cell before the program was let in.
type Proof struct {
	keeper.Proof
	Open   []netip.AddrPort
	Closed []netip.AddrPort // among them the host's own addresses
}

// String is the proof in a line.
func (p Proof) String() string {
	return fmt.Sprintf("no capabilities, no new privileges, devices %v, %d destinations reached as the policy says, %d refused, "+
		"%d Unix sockets of the host out of reach, no way back into the host's network", p.Devices, len(p.Open), len(p.Closed), p.Sockets)
}

// Scratch is a folder in a cell that any program may write to. It is in memory and gone with the cell.
const Scratch = keeper.Scratch

// Program is what is let into a cell.
type Program struct {
	// Args is the program and its arguments. A name without a slash is looked up on PATH.
	Args []string
	// Env is added to the environment; variables about proxies are taken out of it.
	Env []string
	// Files are the program's from descriptor 0 on.
	Files []*os.File
}
