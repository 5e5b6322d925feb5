package kernel

import (
	"os"

	"github.com/proxyspec/proxyspec/sim/kernel/keeper"
)

// Site is where in a network a cell is.
type Site = keeper.Site

// Expect is what a program in a cell must find before it is let in.
type Expect = keeper.Expect

// Proof is what was found in a cell before the program was let in.
type Proof = keeper.Proof

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
