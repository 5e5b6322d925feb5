package kernel

import (
	"fmt"
	"net/netip"
	"os"
)

// CellConfig says how a program is to be confined.
type CellConfig struct {
	// Program is the program and its arguments. A name without a slash is looked up on PATH.
	Program []string
	Site
	// Env is added to the environment; variables about proxies are taken out of it. The cell's own files, which are
	// gone with it, are below Scratch.
	Env []string
	// Files are the program's from descriptor 3 on.
	Files []*os.File `json:"-"`
}

// Site is where in a network a cell is.
type Site struct {
	Address netip.Addr // the program's only address
	DNS     netip.Addr // of its name server
}

// Scratch is a folder in a cell that any program may write to. It is in memory.
const Scratch = "/run/scratch"

// Expect is what a program in a cell must find before it is let in.
type Expect struct {
	Open   []netip.AddrPort // TCP connections that must succeed
	Closed []netip.AddrPort // TCP connections that must not; the cell adds the addresses of the host
	Name   string           // a name that must have an address; empty: none is asked for
}

// Proof is what was found in a cell before the program was let in. It is found with the rights that the program has.
type Proof struct {
	Capabilities uint64   // must be 0
	NoNewPrivs   bool     // must be true
	Devices      []string // of the network: a loopback and the TUN device
	Open         []netip.AddrPort
	Closed       []netip.AddrPort // among them the host's own addresses
	Sockets      int              // Unix sockets of the host that were tried; none could be connected to
	Name         string           // that was resolved
	Breaches     []string         // what should not have been possible, in words; must be empty
}

// String is the proof in a line.
func (p Proof) String() string {
	return fmt.Sprintf("no capabilities, no new privileges, devices %v, %d destinations reached as the policy says, %d refused, "+
		"%d Unix sockets of the host out of reach, no way back into the host's network", p.Devices, len(p.Open), len(p.Closed), p.Sockets)
}
