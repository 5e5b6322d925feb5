package keeper

import (
	"fmt"
	"net/netip"
)

// Variable, in the environment, makes a process of a program that imports this package a keeper.
const Variable = "PROXYSPEC_KEEPER"

// ControlFD is a keeper's end of the line to its maker: a Unix socket that keeps messages apart. Requests come one at a
// time, and each has a reply.
const ControlFD = 3

// Request is what a keeper is asked for. One of its fields is set.
type Request struct {
	Open  *Opening `json:",omitempty"` // a cell; the reply brings the other end of its device
	Look  *Looking `json:",omitempty"` // comes with the host's network namespace
	Start *Program `json:",omitempty"` // comes with a pipe for how the program ends, and the program's own files from 0 on
	Kill  bool     `json:",omitempty"` // all that runs in the cell
	Close bool     `json:",omitempty"` // the cell
}

// Opening says what cell is wanted.
type Opening struct {
	Site
	Sockets []string // Unix sockets of the host, abstract ones with an @ in front
}

// Site is where in a network a cell is.
type Site struct {
	Address netip.Addr // the only address there; IPv4
	DNS     netip.Addr // of the name server; IPv4
}

// Looking says what is to be tried.
type Looking struct {
	Expect
	Bait netip.AddrPort // a listener on the host's loopback
}

// Expect is what a program in a cell must find before it is let in.
type Expect struct {
	Open   []netip.AddrPort // TCP connections that must succeed
	Closed []netip.AddrPort // TCP connections that must not; the cell adds the addresses of the host
	Name   string           // a name that must have an address; empty: none is asked for
}

// Program is what is to be started.
type Program struct {
	Args []string // the path of the program, and its arguments
	Env  []string
	Dir  string
}

// Reply answers a request.
type Reply struct {
	Fault string `json:",omitempty"` // why it couldn't be done
	Proof *Proof `json:",omitempty"` // of Look
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

// Scratch is a folder in a cell that any program may write to. It is in memory and gone with the cell.
const Scratch = "/run/scratch"
