//go:build !linux

package kernel

import "os/exec"

// CellMain returns: there are no cells here.
func CellMain() {}

// Cell can't be made.
type Cell struct{}

// NewCell fails.
func NewCell(CellConfig) (*Cell, *exec.Cmd, error) { return nil, nil, errLinux }

// Open fails.
func (*Cell) Open() (*TUN, error) { return nil, errLinux }

// Look fails.
func (*Cell) Look(Expect) (Proof, error) { return Proof{}, errLinux }

// Enter fails.
func (*Cell) Enter() error { return errLinux }

// Close does nothing.
func (*Cell) Close() error { return nil }
