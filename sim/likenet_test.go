package sim

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/pion/transport/v3"
	"github.com/pion/transport/v3/stdnet"
	"github.com/stretchr/testify/require"
)

// TestLikePackageNet has small programs run on loopback, once with the operating system's sockets and once with a host's: call
// by call they get the same, errors to the letter.
func TestLikePackageNet(t *testing.T) {
	for name, program := range likenetPrograms {
		t.Run(name, func(t *testing.T) {
			system, err := stdnet.NewNet()
			require.NoError(t, err)
			real := &witness{Net: system, t: t}
			program(real)
			pair(t, LinkConfig{}, func(t *testing.T, host, _ *Host) {
				virtual := &witness{Net: host, t: t}
				program(virtual)
				require.Equal(t, strings.Join(real.said, "\n"), strings.Join(virtual.said, "\n"))
			})
		})
	}
}

var likenetPrograms = map[string]func(w *witness){
	"listen": func(w *witness) {
		l := w.listen()
		at := l.Addr().(*net.TCPAddr)
		_, err := w.ListenTCP("tcp", at)
		w.says("twice", err)
		_, err = w.ListenTCP("tcp4", &net.TCPAddr{Port: at.Port})
		w.says("on all addresses beside it", err)
		_, err = w.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(192, 0, 2, 77)})
		w.says("elsewhere", err)
		w.says("deadline", l.SetDeadline(time.Unix(1, 0)))
		_, err = l.Accept()
		w.says("accept", err)
		w.says("close", l.Close(), l.Close())
		_, err = l.Accept()
		w.says("accept", err, l.SetDeadline(time.Time{}))
	},
	"dial": func(w *witness) {
		_, err := w.Dial("tcp", "127.0.0.1:1")
		w.says("refused", err)
		_, err = w.DialTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)}, &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1})
		w.says("refused", err)
		_, err = w.DialTCP("tcp", &net.TCPAddr{IP: net.IPv4(192, 0, 2, 77)}, &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1})
		w.says("from elsewhere", err)
		_, err = w.DialTCP("tcp", nil, nil)
		w.says("nowhere", err)
		for _, network := range []string{"tcp", "udp"} {
			_, err = w.Dial(network, "")
			w.says("nowhere", err)
			for _, d := range []net.Dialer{{Deadline: time.Unix(1, 0)}, {Timeout: -1}, {LocalAddr: &net.IPAddr{}}} {
				_, err = w.CreateDialer(&d).Dial(network, "127.0.0.1:1")
				w.says("dialer", err)
			}
		}
	},
	"to oneself": func(w *witness) {
		l := w.listen()
		u, err := w.ListenPacket("udp4", "127.0.0.1:0")
		require.NoError(w.t, err)
		for _, host := range []string{"127.0.0.1", "0.0.0.0", ""} {
			for _, to := range []net.Addr{l.Addr(), u.LocalAddr()} {
				_, port, _ := net.SplitHostPort(to.String())
				c, err := w.Dial(to.Network()+"4", net.JoinHostPort(host, port))
				require.NoError(w.t, err)
				w.says(fmt.Sprint(c.LocalAddr(), " ", c.RemoteAddr()), c.Close())
			}
		}
		n, err := u.WriteTo([]byte("hello"), &net.UDPAddr{Port: u.LocalAddr().(*net.UDPAddr).Port})
		w.call("write", n, err)
		n, _, err = u.ReadFrom(make([]byte, 10))
		w.call("read", n, err)
		w.says("close", l.Close(), u.Close())
	},
	"closed TCP": func(w *witness) {
		c, peer := w.connect()
		w.says("close", c.Close(), c.Close())
		w.read(c, 1)
		w.write(c)
		w.says("set", c.SetDeadline(time.Time{}), c.SetLinger(0), c.SetNoDelay(true), c.SetKeepAlive(true), c.SetReadBuffer(1<<16))
		w.says("shut", c.CloseRead(), c.CloseWrite())
		w.read(peer, 1)
		w.write(peer)
		w.read(peer, 1) // the reset is a broken pipe, and the end of data was known before
		w.write(peer)
		w.says("shut", peer.CloseRead(), peer.CloseWrite(), peer.Close())
	},
	"reset": func(w *witness) {
		c, peer := w.connect()
		w.says("linger", c.SetLinger(0), c.Close())
		pause()
		w.read(peer, 1) // one call is told
		w.read(peer, 1)
		w.write(peer)
		c, peer = w.connect()
		w.says("linger", c.SetLinger(0), c.Close())
		pause()
		w.write(peer)
		w.write(peer)
		w.read(peer, 1)
	},
	"written before a reset": func(w *witness) {
		for _, end := range []func(c transport.TCPConn) error{
			func(c transport.TCPConn) error { return c.SetLinger(0) },
			func(c transport.TCPConn) error { return errors.Join(c.CloseWrite(), c.SetLinger(0)) },
			func(transport.TCPConn) error { return nil }, // but there is something to read
		} {
			c, peer := w.connect()
			w.write(peer)
			n, err := c.Write([]byte("hello"))
			w.call("write", n, err)
			w.says("close", end(c), c.Close())
			pause()
			w.read(peer, 10)
			w.read(peer, 10)
			w.write(peer)
		}
	},
	"reset before it is accepted": func(w *witness) {
		l := w.listen()
		c, err := w.Dial("tcp", l.Addr().String())
		w.says("dial", err, c.(transport.TCPConn).SetLinger(0), c.Close())
		pause()
		w.says("deadline", l.SetDeadline(time.Now().Add(time.Second)))
		peer, err := l.Accept()
		require.NoError(w.t, err)
		w.read(peer, 1)
		w.says("close", peer.Close(), l.Close())
	},
	"port after a reset": func(w *witness) {
		l := w.listen()
		c, err := w.Dial("tcp", l.Addr().String())
		require.NoError(w.t, err)
		w.says("linger", c.(transport.TCPConn).SetLinger(0), c.Close())
		c, err = w.DialTCP("tcp", c.LocalAddr().(*net.TCPAddr), l.Addr().(*net.TCPAddr))
		require.NoError(w.t, err)
		w.says("close", c.Close(), l.Close())
	},
	"half-closed": func(w *witness) {
		c, peer := w.connect()
		w.write(peer)
		pause()
		w.says("shut", c.CloseRead(), c.CloseWrite())
		w.read(c, 10) // what had come by then
		w.read(c, 10)
		w.write(c)
		n, err := c.ReadFrom(strings.NewReader("hello"))
		w.call("read from", int(n), err)
		w.says("deadline", peer.SetDeadline(time.Unix(1, 0)))
		w.read(peer, 0)
		w.read(peer, 1)
		w.write(peer)
	},
	"UDP": func(w *witness) {
		server, err := w.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		require.NoError(w.t, err)
		_, err = w.ListenPacket("udp4", server.LocalAddr().String())
		w.says("twice", err)
		w.write(server)
		for _, to := range []net.Addr{nil, &net.TCPAddr{}, &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)}} {
			n, err := server.WriteTo([]byte("hello"), to)
			w.call("write", n, err)
		}
		c, err := w.Dial("udp4", server.LocalAddr().String())
		require.NoError(w.t, err)
		n, err := server.WriteTo([]byte("hello"), c.LocalAddr())
		w.call("write", n, err)
		w.read(c, 0) // takes no datagram
		w.read(c, 10)
		w.write(c)
		size, _, flags, _, err := server.ReadMsgUDP(make([]byte, 4), nil)
		w.call(fmt.Sprint("read cut short ", flags), size, err)
		w.write(c)
		size, _, flags, _, err = server.ReadMsgUDP(make([]byte, 5), nil)
		w.call(fmt.Sprint("read whole ", flags), size, err)
		size, _, err = server.WriteMsgUDP([]byte("hello"), nil, nil)
		w.call("write", size, err)
		w.says("close", server.Close(), server.Close(), server.SetReadBuffer(1<<16), server.SetDeadline(time.Time{}))
		n, _, err = server.ReadFrom(make([]byte, 10))
		w.call("read", n, err)
		n, _, _, _, err = server.ReadMsgUDP(make([]byte, 10), nil)
		w.call("read", n, err)
		w.write(server)
		for _, to := range []net.UDPAddr{{IP: net.IPv6loopback, Port: 1}, {IP: net.IPv4(127, 0, 0, 1)}} {
			n, err = server.WriteToUDP([]byte("hello"), &to)
			w.call("write", n, err)
		}
		w.write(c)
		pause()
		w.read(c, 10) // is told of ICMP
		w.says("deadline", c.SetReadDeadline(time.Unix(1, 0)))
		w.read(c, 10)
		w.says("close", c.Close())
	},
}

// witness writes down what a program gets.
type witness struct {
	transport.Net
	t    *testing.T
	said []string
}

func pause() { time.Sleep(10 * time.Millisecond) }

func (w *witness) listen() transport.TCPListener {
	l, err := w.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	require.NoError(w.t, err)
	return l
}

func (w *witness) connect() (c, peer transport.TCPConn) {
	l := w.listen()
	c, err := w.DialTCP("tcp", nil, l.Addr().(*net.TCPAddr))
	require.NoError(w.t, err)
	peer, err = l.AcceptTCP()
	require.NoError(w.t, err)
	require.NoError(w.t, l.Close())
	w.t.Cleanup(func() { _, _ = c.Close(), peer.Close() })
	return c, peer
}

func (w *witness) read(c io.Reader, size int) {
	n, err := c.Read(make([]byte, size))
	w.call("read", n, err)
}

// write has a datagram or segment arrive before the next call.
func (w *witness) write(c io.Writer) {
	n, err := c.Write([]byte("hello"))
	w.call("write", n, err)
	pause()
}

func (w *witness) call(what string, n int, err error) {
	w.says(fmt.Sprint(what, " ", n), err)
}

var ephemeral = regexp.MustCompile(`:\d{5}\b`)

// says writes down errors: their words, but for ports, and what a program may ask of them.
func (w *witness) says(what string, errs ...error) {
	for _, err := range errs {
		what += fmt.Sprintf("; %v", err)
		if err == nil || err == io.EOF {
			continue
		}
		for _, is := range []error{net.ErrClosed, os.ErrDeadlineExceeded, context.DeadlineExceeded, net.ErrWriteToConnected} {
			if errors.Is(err, is) {
				what += " = " + is.Error()
			}
		}
		var errno syscall.Errno
		var call *os.SyscallError
		var timeout net.Error
		what += fmt.Sprint(" ", errors.As(err, &errno), " ", errors.As(err, &call), " ", errors.As(err, &timeout) && timeout.Timeout())
	}
	w.said = append(w.said, ephemeral.ReplaceAllString(what, ":PORT"))
}
