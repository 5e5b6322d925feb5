package kernel_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/sim"
	"github.com/proxyspec/proxyspec/sim/dns"
	"github.com/proxyspec/proxyspec/sim/kernel"
	"github.com/proxyspec/proxyspec/sim/kernel/keeper"
)

func TestMain(m *testing.M) {
	if how := os.Getenv("TEST_CONDUCT"); how != "" {
		if err := behave(how); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	if err := inherit(); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

var (
	inside, nameServer = netip.MustParseAddr("10.10.0.2"), netip.MustParseAddr("10.10.0.53")
	original, standIn  = netip.MustParseAddr("23.236.115.138"), netip.MustParseAddr("192.0.2.138")
	nobody             = netip.MustParseAddr("203.0.113.99")
)

// behave is what a process of this test does in the place of a program.
func behave(how string) error {
	switch how {
	case "talk":
		return talk()
	case "escape":
		return escape()
	case "make": // a harness, which is killed in the midst of it
		cell, err := kernel.NewCell(kernel.Site{Address: inside, DNS: nameServer})
		if err != nil {
			return err
		}
		if _, err := cell.Look(kernel.Expect{}); err != nil {
			return err
		}
		if err := cell.Start(kernel.Program{Args: []string{"sh", "-c", "setsid sleep 1000 & sleep 1000"}, Files: []*os.File{os.Stdin, os.Stdout, os.Stderr}}); err != nil {
			return err
		}
		fmt.Println("made")
		select {}
	}
	return fmt.Errorf("no conduct %q", how)
}

const sent = 1 << 20

// talk uses the network as a program would: names, UDP, TCP both ways, a port where nobody is.
func talk() error {
	addrs, err := net.DefaultResolver.LookupNetIP(context.Background(), "ip4", "relay.example.test")
	if err != nil || len(addrs) != 1 || addrs[0].Unmap() != standIn {
		return fmt.Errorf("the name has %v, %w", addrs, err)
	}
	u, err := net.Dial("udp4", netip.AddrPortFrom(standIn, 3478).String())
	if err != nil {
		return err
	}
	began := time.Now()
	if _, err := u.Write([]byte("echo")); err != nil {
		return err
	}
	if n, err := u.Read(make([]byte, 10)); n != 4 || err != nil {
		return fmt.Errorf("UDP echo: %d bytes, %w", n, err)
	}
	fmt.Fprintln(os.Stderr, "UDP round trip", time.Since(began))
	c, err := net.Dial("tcp4", netip.AddrPortFrom(standIn, 443).String())
	if err != nil {
		return err
	}
	go func() {
		_, _ = c.Write(bytes.Repeat([]byte("x"), sent))
		_ = c.(*net.TCPConn).CloseWrite()
	}()
	back, err := io.ReadAll(c)
	if err != nil || sha256.Sum256(back) != sha256.Sum256(bytes.Repeat([]byte("x"), sent)) {
		return fmt.Errorf("TCP echo: %d bytes, %w", len(back), err)
	}
	if _, err := net.Dial("tcp4", netip.AddrPortFrom(standIn, 444).String()); !errors.Is(err, syscall.ECONNREFUSED) {
		return fmt.Errorf("a closed port: %w", err)
	}
	for _, v := range os.Environ() {
		if strings.Contains(strings.ToLower(v), "_proxy=") {
			return fmt.Errorf("the environment has %s", v)
		}
	}
	return nil
}

// lab is a network without delay: a relay at a third party's address that echoes, and a name server.
func lab(t *testing.T) *kernel.Renumbered {
	n := sim.New(sim.Config{Seed: 1})
	device := kernel.Renumber()
	router := n.Router("router")
	port := n.Port("cell", device, netip.PrefixFrom(inside, 32))
	relay, names := n.Host("relay", original), n.Host("names", nameServer)
	for _, node := range []sim.Node{port, relay, names} {
		n.Connect(node, router, sim.LinkConfig{})
	}
	server, err := dns.Listen(names, netip.AddrPortFrom(nameServer, dns.Port), dns.Zone{"relay.example.test": dns.At(standIn)})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 3)
	for _, serve := range []func(context.Context) error{n.Serve, port.Serve, server.Serve} {
		go func() { done <- serve(ctx) }()
	}
	u, err := relay.ListenPacket("udp4", ":3478")
	require.NoError(t, err)
	l, err := relay.ListenTCP("tcp4", &net.TCPAddr{Port: 443})
	require.NoError(t, err)
	go func() {
		b := make([]byte, 2000)
		for {
			k, from, err := u.ReadFrom(b)
			if err != nil {
				return
			}
			_, _ = u.WriteTo(b[:k], from)
		}
	}()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() { _, _ = io.Copy(c, c); _ = c.Close() }()
		}
	}()
	t.Cleanup(func() {
		_, _ = u.Close(), l.Close()
		cancel()
		for range 3 {
			require.NoError(t, <-done)
		}
	})
	return device
}

// newCell is a cell that is connected to a lab.
func newCell(t *testing.T) *kernel.Cell {
	if err := kernel.Probe(); err != nil {
		t.Skip(err)
	}
	t.Setenv("HTTPS_PROXY", "http://127.0.0.1:1")
	cell, err := kernel.NewCell(kernel.Site{Address: inside, DNS: nameServer})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, cell.Close()) })
	lab(t).Attach(cell.Device(), map[netip.Addr]netip.Addr{original: standIn})
	return cell
}

// conducted is this test as a program that conducts itself so.
func conducted(t *testing.T, how string) kernel.Program {
	self, err := os.Executable()
	require.NoError(t, err)
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	require.NoError(t, err)
	t.Cleanup(func() { _ = null.Close() })
	return kernel.Program{Args: []string{self}, Env: []string{"TEST_CONDUCT=" + how}, Files: []*os.File{null, os.Stdout, os.Stderr}}
}

func at(a netip.Addr, port uint16) netip.AddrPort { return netip.AddrPortFrom(a, port) }

// TestCell has a program use the network from a cell, and sees what was shown before.
func TestCell(t *testing.T) {
	path := filepath.Join(t.TempDir(), "host.sock")
	for _, name := range []string{path, "@proxyspec-test-" + strconv.Itoa(os.Getpid())} {
		l, err := net.Listen("unix", name)
		require.NoError(t, err)
		defer l.Close()
	}
	cell := newCell(t)
	p, err := cell.Look(kernel.Expect{
		Open: []netip.AddrPort{at(standIn, 443)}, Closed: []netip.AddrPort{at(nobody, 443), at(original, 443)}, Name: "relay.example.test"})
	require.NoError(t, err)
	require.Zero(t, p.Capabilities)
	require.True(t, p.NoNewPrivs)
	require.Equal(t, []string{"lo", "eth0"}, p.Devices)
	require.Equal(t, []netip.AddrPort{at(standIn, 443)}, p.Open)
	require.Subset(t, p.Closed, []netip.AddrPort{at(nobody, 443), at(original, 443)})
	require.GreaterOrEqual(t, p.Sockets, 2)
	require.Equal(t, "relay.example.test", p.Name)
	require.NoError(t, cell.Start(conducted(t, "talk")))
	status, err := cell.Wait()
	require.NoError(t, err)
	require.Zero(t, status)
}

// TestCellRefusesWhatIsNotConfined sees that a look finds what it should, and that nothing is started then.
func TestCellRefusesWhatIsNotConfined(t *testing.T) {
	for name, tt := range map[string]struct {
		expect kernel.Expect
		want   string
	}{
		"reaches too much":   {kernel.Expect{Closed: []netip.AddrPort{at(standIn, 443)}, Open: []netip.AddrPort{at(standIn, 443)}}, "it could connect to 192.0.2.138:443"},
		"reaches too little": {kernel.Expect{Open: []netip.AddrPort{at(standIn, 444)}}, "it couldn't connect to 192.0.2.138:444"},
		"has no names":       {kernel.Expect{Name: "unknown.example.test"}, "the name service doesn't answer"},
	} {
		t.Run(name, func(t *testing.T) {
			cell := newCell(t)
			_, err := cell.Look(tt.expect)
			require.ErrorContains(t, err, "the program wasn't started")
			require.ErrorContains(t, err, tt.want)
			require.ErrorContains(t, cell.Start(conducted(t, "talk")), "what was found isn't well")
		})
	}
}

// TestNothingSurvivesTheHarness kills the maker of a cell.
func TestNothingSurvivesTheHarness(t *testing.T) {
	if err := kernel.Probe(); err != nil {
		t.Skip(err)
	}
	cmd := exec.Command(os.Args[0])
	mark := fmt.Sprint("TEST_MARK=", os.Getpid(), time.Now().UnixNano())
	cmd.Env = append(os.Environ(), "TEST_CONDUCT=make", mark)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	_, err = bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	marked := func() (n int) {
		all, err := filepath.Glob("/proc/[0-9]*/environ")
		require.NoError(t, err)
		for _, path := range all {
			if text, err := os.ReadFile(path); err == nil && bytes.Contains(text, []byte(mark)) {
				n++
			}
		}
		return n
	}
	require.Eventually(t, func() bool { return marked() >= 4 }, 10*time.Second, time.Millisecond, "the harness, the shell and two that sleep")
	require.NoError(t, cmd.Process.Kill())
	_ = cmd.Wait()
	require.Eventually(t, func() bool { return marked() == 0 }, 10*time.Second, time.Millisecond, "the first process of a cell ends all others with it")
}

// TestKeeperOnlyWhereItIsAlone has the environment ask for a keeper where there is no process namespace of its own: it must
// not touch the mounts there.
func TestKeeperOnlyWhereItIsAlone(t *testing.T) {
	if err := kernel.Probe(); err != nil {
		t.Skip(err)
	}
	cmd, err := kernel.Command(t.Context())
	require.NoError(t, err)
	cmd.Env = append(cmd.Env, keeper.Variable+"=1")
	out, err := cmd.CombinedOutput()
	require.ErrorContains(t, err, "exit status 1")
	require.Contains(t, string(out), "take it out of the environment")
}

// TestAhead has a cell wait for nothing but itself: the process is there that one was started ahead for.
func TestAhead(t *testing.T) {
	if err := kernel.Probe(); err != nil {
		t.Skip(err)
	}
	kernel.EndIdle()
	kernel.Ahead()
	kernel.Ahead()
	require.Equal(t, 1, kernel.Idle())
	cell, err := kernel.NewCell(kernel.Site{Address: inside, DNS: nameServer})
	require.NoError(t, err)
	require.Zero(t, kernel.Idle())
	require.NoError(t, cell.Device().Close())
	require.NoError(t, cell.Close())
	require.Equal(t, 1, kernel.Idle())
}

// BenchmarkCell is what a cell costs: the first of a process, for which another process is started, and those that follow.
func BenchmarkCell(b *testing.B) {
	if err := kernel.Probe(); err != nil {
		b.Skip(err)
	}
	var took []time.Duration
	open := func(b *testing.B) *kernel.Cell {
		began := time.Now()
		cell, err := kernel.NewCell(kernel.Site{Address: inside, DNS: nameServer})
		require.NoError(b, err)
		took = append(took, time.Since(began))
		return cell
	}
	shut := func(b *testing.B, cell *kernel.Cell) {
		go cell.Device().Close()
		require.NoError(b, cell.Close())
	}
	median := func(b *testing.B) {
		slices.Sort(took)
		b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "ms-p50")
	}
	b.Run("again", func(b *testing.B) {
		shut(b, open(b))
		took = nil
		for b.Loop() {
			cell := open(b)
			b.StopTimer()
			shut(b, cell)
			b.StartTimer()
		}
		median(b)
	})
	b.Run("first", func(b *testing.B) {
		took = nil
		kernel.EndIdle()
		var cells []*kernel.Cell
		for b.Loop() {
			cells = append(cells, open(b))
		}
		median(b)
		for _, cell := range cells {
			shut(b, cell)
		}
	})
}
