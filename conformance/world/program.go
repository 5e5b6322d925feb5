package world

import (
	"errors"
	"io"

	"github.com/proxyspec/proxyspec/conformance/adapter"
	"github.com/proxyspec/proxyspec/conformance/contract"
	"github.com/proxyspec/proxyspec/sim/kernel"
)

// Program is an SDK that is a program which speaks the contract on standard input and output. It has a cell of its
// own in each world.
type Program struct {
	Command []string

	cell    *kernel.Cell
	process *adapter.Process
}

var _ Remote = (*Program)(nil)

// Open implements Remote.
func (p *Program) Open(at kernel.Site, log func(contract.Log)) (io.ReadWriteCloser, error) {
	cell, cmd, err := kernel.NewCell(kernel.CellConfig{Program: p.Command, Site: at})
	if err != nil {
		return nil, err
	}
	process, err := adapter.Start(cmd, log)
	if err != nil {
		return nil, errors.Join(err, kernel.Probe(), cell.Close())
	}
	p.cell, p.process = cell, process
	device, err := cell.Open()
	if err != nil {
		return nil, errors.Join(err, p.Close())
	}
	return device, nil
}

// Look implements Remote.
func (p *Program) Look(e kernel.Expect) (kernel.Proof, error) { return p.cell.Look(e) }

// Enter implements Remote.
func (p *Program) Enter() (io.ReadWriteCloser, error) { return p.process, p.cell.Enter() }

// Close implements Remote.
func (p *Program) Close() error { return errors.Join(p.process.Close(), p.cell.Close()) }
