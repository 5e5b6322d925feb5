package keeper

import (
	"encoding/json"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// longest bounds a message; the longest has an environment or a list of sockets.
const longest = 1 << 20

// mostFiles is how many descriptors a message may bring.
const mostFiles = 64

// ErrGone says that nobody is at the other end of the line.
var ErrGone = errors.New("the other side is gone")

// Send writes a message to a line: JSON, with descriptors beside it.
func Send(line int, v any, files ...int) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	var rights []byte
	if len(files) > 0 {
		rights = unix.UnixRights(files...)
	}
	_, err = again(func() (int, error) { return 0, unix.Sendmsg(line, text, rights, nil, unix.MSG_NOSIGNAL) })
	return err
}

// Receive reads a message, and what descriptors came with it. Its length is asked for first: to have room for the longest
// each time would be most of what a cell costs.
func Receive(line int, v any) (files []int, err error) {
	n, err := again(func() (int, error) {
		n, _, err := unix.Recvfrom(line, nil, unix.MSG_PEEK|unix.MSG_TRUNC)
		return n, err
	})
	switch {
	case err != nil:
		return nil, err
	case n == 0:
		return nil, ErrGone
	case n > longest:
		return nil, fmt.Errorf("a message of %d bytes", n)
	}
	text, rights := make([]byte, n), make([]byte, unix.CmsgSpace(4*mostFiles))
	var oob int
	if _, err = again(func() (n int, err error) {
		n, oob, _, _, err = unix.Recvmsg(line, text, rights, unix.MSG_CMSG_CLOEXEC)
		return n, err
	}); err != nil {
		return nil, err
	}
	messages, err := unix.ParseSocketControlMessage(rights[:oob])
	if err != nil {
		return nil, err
	}
	for _, m := range messages {
		fds, err := unix.ParseUnixRights(&m)
		if err != nil {
			return nil, err
		}
		files = append(files, fds...)
	}
	return files, json.Unmarshal(text, v)
}

// again makes a call until no signal interrupts it.
func again(call func() (int, error)) (n int, err error) {
	for {
		if n, err = call(); !errors.Is(err, unix.EINTR) {
			return n, err
		}
	}
}
