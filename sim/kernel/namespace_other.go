//go:build !linux

package kernel

import (
	"context"
	"errors"
	"io"
	"net/netip"
	"os/exec"
	"time"
)

var errLinux = errors.New("namespaces need Linux")

// Probe says why this machine gives no namespaces to its users.
func Probe() error { return errLinux }

// Command fails.
func Command(context.Context, ...string) (*exec.Cmd, error) { return nil, errLinux }

// Forward fails.
func Forward() error { return errLinux }

// TUN can't be opened.
type TUN struct{}

// OpenTUN fails.
func OpenTUN(string, ...netip.Prefix) (*TUN, error) { return nil, errLinux }

// Read fails.
func (*TUN) Read([]byte) (int, error) { return 0, errLinux }

// Write fails.
func (*TUN) Write([]byte) (int, error) { return 0, errLinux }

// SetReadDeadline fails.
func (*TUN) SetReadDeadline(time.Time) error { return errLinux }

// Lend is nothing.
func (*TUN) Lend() io.ReadWriteCloser { return nil }

// Route fails.
func (*TUN) Route(netip.Prefix) error { return errLinux }

// Close fails.
func (*TUN) Close() error { return errLinux }
