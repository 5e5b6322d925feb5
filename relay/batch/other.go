//go:build !linux || !(amd64 || arm64)

package batch

import (
	"net"
	"net/netip"
)

// NewGroup is an error on this system.
func (Net) NewGroup() (*Group, error) { return nil, ErrUnsupported }

// Group is not to be had on this system.
type Group struct{}

// Socket is not to be had on this system.
type Socket struct{ Owner any }

// Writer is not to be had on this system.
type Writer struct{}

// Listen is an error.
func (*Group) Listen(netip.AddrPort, any) (*Socket, error) { return nil, ErrUnsupported }

// Adopt is an error.
func (*Group) Adopt(*net.TCPConn, any) (*Socket, error) { return nil, ErrUnsupported }

// Read is an error.
func (*Group) Read() ([]Arrival, error) { return nil, ErrUnsupported }

// Serve is an error.
func (*Group) Serve(func([]Arrival)) error { return ErrUnsupported }

// Close does nothing.
func (*Group) Close() {}

// Addr is none.
func (*Socket) Addr() netip.AddrPort { return netip.AddrPort{} }

// Close does nothing.
func (*Socket) Close() {}

// Send is an error.
func (*Socket) Send([]byte) (int, error) { return 0, ErrUnsupported }

// AwaitRoom does nothing.
func (*Socket) AwaitRoom() {}

// Shutdown does nothing.
func (*Socket) Shutdown() {}

// Add does nothing.
func (*Writer) Add(*Socket, []byte, netip.AddrPort, int) {}

// Full is never true.
func (*Writer) Full() bool { return false }

// Flush does nothing.
func (*Writer) Flush(func(tag int)) {}

// Writer is one that does nothing.
func (*Group) Writer() Writer { return Writer{} }
