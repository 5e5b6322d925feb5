//go:build !linux

package kernel

import "syscall"

// Cell can't be made.
type Cell struct{}

// NewCell fails.
func NewCell(Site) (*Cell, error) { return nil, errLinux }

// Ahead does nothing.
func Ahead() {}

// Device is nothing.
func (*Cell) Device() *TUN { return nil }

// Look fails.
func (*Cell) Look(Expect) (Proof, error) { return Proof{}, errLinux }

// Start fails.
func (*Cell) Start(Program) error { return errLinux }

// Wait fails.
func (*Cell) Wait() (status syscall.WaitStatus, err error) { return status, errLinux }

// Kill fails.
func (*Cell) Kill() error { return errLinux }

// Close does nothing.
func (*Cell) Close() error { return nil }
