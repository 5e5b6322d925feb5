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
	log     func(contract.Log)
}

var _ Remote = (*Program)(nil)

// Open implements Remote.
func (p *Program) Open(at kernel.Site, log func(contract.Log)) (io.ReadWriteCloser, error) {
	var err error
	if p.cell, err = kernel.NewCell(at); err != nil {
		return nil, err
	}
	p.log = log
	return p.cell.Device(), nil
}

// Look implements Remote.
func (p *Program) Look(e kernel.Expect) (kernel.Proof, error) { return p.cell.Look(e) }

// Enter implements Remote.
func (p *Program) Enter() (io.ReadWriteCloser, error) {
	var err error
	p.process, err = adapter.Start(adapter.InCell(p.cell, p.Command), p.log)
	if err != nil {
		return nil, err // not a nil *Process
	}
	return p.process, nil
}

// Close implements Remote.
func (p *Program) Close() error {
	var err error
	if p.process != nil {
		err = p.process.Close()
		p.process = nil
	}
	return errors.Join(err, p.cell.Close())
}
