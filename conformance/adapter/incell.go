package adapter

import (
	"os"

	"github.com/proxyspec/proxyspec/sim/kernel"
)

// InCell is a command that is to be let into a cell which has been looked at. The cell stays the caller's to close.
func InCell(cell *kernel.Cell, command []string) Program { return inCell{cell, command} }

type inCell struct {
	*kernel.Cell
	command []string
}

func (c inCell) Start(stdin, stdout, stderr *os.File) error {
	return c.Cell.Start(kernel.Program{Args: c.command, Files: []*os.File{stdin, stdout, stderr}})
}
