package keeper

import (
	"encoding/json"
	"errors"

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
	for {
		if err = unix.Sendmsg(line, text, rights, nil, unix.MSG_NOSIGNAL); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

// Receive reads a message, and what descriptors came with it.
func Receive(line int, v any) (files []int, err error) {
	text, rights := make([]byte, longest), make([]byte, unix.CmsgSpace(4*mostFiles))
	var n, oob int
	for {
		if n, oob, _, _, err = unix.Recvmsg(line, text, rights, unix.MSG_CMSG_CLOEXEC); !errors.Is(err, unix.EINTR) {
			break
		}
	}
	if err != nil {
		return nil, err
	}
	if n == 0 {
		return nil, ErrGone
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
	return files, json.Unmarshal(text[:n], v)
}
