package keeper

import "fmt"

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
	Address Addr     // the only one there
	DNS     Addr     // of the name server
	Sockets []string // Unix sockets of the host, abstract ones with an @ in front
}

// Looking says what is to be tried.
type Looking struct {
	Open   []AddrPort // TCP connections that must succeed
	Closed []AddrPort // TCP connections that must not
	Bait   AddrPort   // a listener on the host's loopback, which must not be reached either
	Name   string     // a name that must have an address; empty: none is asked for
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
	Sockets      int      // Unix sockets of the host that were tried; none could be connected to
	Name         string   // that was resolved
	Breaches     []string // what should not have been possible, in words; must be empty
}

// Scratch is a folder in a cell that any program may write to. It is in memory and gone with the cell.
const Scratch = "/run/scratch"

// Addr is an IPv4 address. Those of net/netip would have a keeper wait for most of a program's packages: that comes late in
// the order in which they are initialised.
type Addr [4]byte

func (a Addr) String() string { return fmt.Sprintf("%d.%d.%d.%d", a[0], a[1], a[2], a[3]) }

// AddrPort is an IPv4 address and a port.
type AddrPort struct {
	Addr Addr
	Port uint16
}

func (a AddrPort) String() string { return fmt.Sprintf("%v:%d", a.Addr, a.Port) }
