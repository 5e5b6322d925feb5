package contract

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"unicode/utf8"
)

// errLineTooLong says that a line is longer than MaxFrame. The line's beginning is returned with it.
var errLineTooLong = fmt.Errorf("line is longer than %d bytes", MaxFrame)

// lines reads one line after another, whatever chunks they arrive in.
type lines struct{ r *bufio.Reader }

func newLines(r io.Reader) *lines { return &lines{bufio.NewReader(r)} }

// next returns a line without its end. At the end of input it returns io.EOF, or
// io.ErrUnexpectedEOF with what there was of a line.
func (l *lines) next() ([]byte, error) {
	var line []byte
	for {
		part, err := l.r.ReadSlice('\n')
		line = append(line, part...)
		switch {
		case err == nil && len(line) <= MaxFrame+1:
			return bytes.TrimRight(line, "\r\n"), nil
		case err == nil || errors.Is(err, bufio.ErrBufferFull) && len(line) > MaxFrame:
			return line, errLineTooLong
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case errors.Is(err, io.EOF) && len(line) > 0:
			return line, io.ErrUnexpectedEOF
		default:
			return line, err
		}
	}
}

// parse reads one frame and checks what JSON alone cannot.
func parse(line []byte) (Frame, error) {
	var f Frame
	if !utf8.Valid(line) { // encoding/json would put question marks for what isn't, and nobody would notice
		return f, errors.New("not a JSON-RPC frame: the line is not UTF-8")
	}
	if err := decode(line, &f); err != nil {
		return f, fmt.Errorf("not a JSON-RPC frame: %w", err)
	}
	if f.JSONRPC != "2.0" {
		return f, fmt.Errorf(`not a JSON-RPC frame: "jsonrpc" is %q, want "2.0"`, f.JSONRPC)
	}
	return f, nil
}

// encode makes one line of a frame.
func encode(f Frame) ([]byte, error) {
	f.JSONRPC = "2.0"
	line, err := json.Marshal(f)
	if err != nil {
		return nil, err
	}
	if len(line) > MaxFrame {
		return nil, fmt.Errorf("frame of %d bytes: %w", len(line), errLineTooLong)
	}
	return append(line, '\n'), nil
}

// outbox takes lines from any goroutine without ever blocking it and writes them in order. A synchronous
// pipe would otherwise make a caller wait for its reader, with whatever locks the caller holds.
type outbox struct {
	mu     sync.Mutex
	queue  [][]byte
	closed bool          // nothing is taken any more
	wake   chan struct{} // capacity 1: the queue or closed changed
}

func newOutbox() *outbox { return &outbox{wake: make(chan struct{}, 1)} }

// put queues a line. After close it is dropped.
func (o *outbox) put(line []byte) {
	o.mu.Lock()
	if !o.closed {
		o.queue = append(o.queue, line)
	}
	o.mu.Unlock()
	o.poke()
}

// close lets run return once it has written what is queued.
func (o *outbox) close() {
	o.mu.Lock()
	o.closed = true
	o.mu.Unlock()
	o.poke()
}

func (o *outbox) poke() {
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

// run writes until close or the first error.
func (o *outbox) run(w io.Writer) error {
	for {
		o.mu.Lock()
		queue, closed := o.queue, o.closed
		o.queue = nil
		o.mu.Unlock()
		for _, line := range queue {
			if _, err := w.Write(line); err != nil {
				return err
			}
		}
		if len(queue) > 0 {
			continue
		}
		if closed {
			return nil
		}
		<-o.wake
	}
}

// Duplex makes one stream of two, such as the two pipes of a child process.
func Duplex(r io.ReadCloser, w io.WriteCloser) io.ReadWriteCloser { return duplex{r, w} }

type duplex struct {
	io.ReadCloser
	w io.WriteCloser
}

func (d duplex) Write(p []byte) (int, error) { return d.w.Write(p) }

func (d duplex) Close() error { return errors.Join(d.w.Close(), d.ReadCloser.Close()) }
