package sim

import (
	"context"
	"errors"
	"net"
	"os"
	"syscall"
)

// errMissingAddress is what package net says to a program that doesn't say where to.
var errMissingAddress = errors.New("missing address")

// opError is an error as package net would give it: an errno names the system call that returns it there.
func opError(op, network string, local, remote net.Addr, err error) error {
	call := op
	switch op {
	case "dial":
		call = "connect"
	case "listen":
		call = "bind"
	case "close":
		call = "shutdown"
	}
	return &net.OpError{Op: op, Net: network, Source: local, Addr: remote, Err: called(call, err)}
}

// called is an error that a system call of this name returns, if it is an errno.
func called(name string, err error) error {
	if errno, ok := err.(syscall.Errno); ok {
		return os.NewSyscallError(name, errno)
	}
	return err
}

// gaveUp is the end of a dialler's context in the words of package net.
type gaveUp struct{ cause error }

func (e gaveUp) Error() string {
	if e.Timeout() {
		return "i/o timeout"
	}
	return "operation was canceled"
}

func (e gaveUp) Timeout() bool   { return e.cause == context.DeadlineExceeded }
func (e gaveUp) Temporary() bool { return e.Timeout() }
func (e gaveUp) Unwrap() error   { return e.cause }
