package browser_test

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/conformance/browser"
	"github.com/proxyspec/proxyspec/conformance/contract"
	"github.com/proxyspec/proxyspec/fakes/websdk"
	"github.com/proxyspec/proxyspec/sim/kernel"
)

// start starts a browser that trusts the lab, or skips the test where there is none.
func start(t *testing.T, l *lab) *browser.Browser {
	program, err := browser.Find()
	if err != nil {
		t.Skip(err)
	}
	b, err := browser.Start(context.Background(), browser.Config{
		Program: program, Trust: []string{l.key}, Names: []string{"127.0.0.1"},
		Args: []string{"--allow-loopback-in-peer-connection"},
	})
	require.NoError(t, err)
	t.Cleanup(b.Close)
	return b
}

// user is a session with an SDK in a page.
type user struct {
	t      *testing.T
	line   *contract.Client
	client string

	mu     sync.Mutex
	events []contract.Event
	logs   []string
	wake   chan struct{}
}

func open(t *testing.T, l *lab, b *browser.Browser, url string) *user {
	p, err := b.Open(url)
	require.NoError(t, err)
	return session(t, l, p, "vp8")
}

// talk begins a session, and keeps what is said in it.
func talk(t *testing.T, rw io.ReadWriteCloser) *user {
	s := &user{t: t, wake: make(chan struct{}, 1)}
	s.line = contract.NewClient(contract.ClientConfig{RW: rw, Event: s.event, Log: func(log contract.Log) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.logs = append(s.logs, log.Level+" "+log.Message)
	}})
	ended := make(chan error, 1)
	go func() { ended <- s.line.Run(context.Background()) }()
	t.Cleanup(func() {
		require.NoError(t, rw.Close())
		<-ended
	})
	return s
}

func (s *user) hello(l *lab) (said contract.HelloResult, err error) {
	err = s.call(contract.MethodHello, contract.Hello{Protocol: contract.Protocol, Network: "kernel", Endpoints: l.endpoints, CA: l.pem}, &said)
	return said, err
}

func session(t *testing.T, l *lab, rw io.ReadWriteCloser, codec string) *user {
	s := talk(t, rw)
	t.Cleanup(func() {
		if t.Failed() {
			t.Log("events:", s.events)
			seen, relayed := l.events()
			for _, e := range seen {
				t.Logf("SD-RTN: %+v", e)
			}
			for _, e := range relayed {
				t.Logf("cloud proxy: %+v", e)
			}
			for _, line := range s.logs {
				t.Log(line)
			}
		}
	})
	said, err := s.hello(l)
	require.NoError(t, err)
	require.Equal(t, "3.0.0", said.Version)
	var made contract.CreateClientResult
	require.NoError(t, s.call(contract.MethodCreateClient, contract.CreateClient{Mode: "live", Codec: codec}, &made))
	s.client = made.Client
	require.NoError(t, s.call(contract.MethodInit, contract.Init{Client: s.client, AppID: "app"}, nil))
	return s
}

func (s *user) event(e contract.Event) {
	s.mu.Lock()
	s.events = append(s.events, e)
	s.mu.Unlock()
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// await waits for an event.
func (s *user) await(kind string, fits func(contract.Event) bool) {
	s.t.Helper()
	limit := time.After(30 * time.Second)
	for {
		s.mu.Lock()
		for _, e := range s.events {
			if e.Type == kind && fits(e) {
				s.mu.Unlock()
				return
			}
		}
		s.mu.Unlock()
		select {
		case <-s.wake:
		case <-limit:
			s.t.Fatalf("no event %s", kind)
		}
	}
}

func (s *user) call(method string, params, result any) error {
	s.t.Helper()
	p, err := s.line.Begin(method, params)
	require.NoError(s.t, err)
	select {
	case <-p.Done():
	case <-time.After(40 * time.Second):
		s.t.Fatalf("%s did not return", method)
	}
	raw, err := p.Result()
	if err != nil || result == nil {
		return err
	}
	return json.Unmarshal(raw, result)
}

func (s *user) lines() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string{}, s.logs...)
}

// do is a call that needs only the client.
func (s *user) do(method string) error {
	return s.call(method, contract.ClientCall{Client: s.client}, nil)
}

var reference = browser.Script{Files: websdk.Files, Name: websdk.Main}

func TestReferenceMakesAProxiedCall(t *testing.T) {
	l := newLab(t)
	b := start(t, l)
	url := l.site(reference)
	alice, bob := open(t, l, b, url), open(t, l, b, url)

	require.NoError(t, alice.do(contract.MethodStartProxyServer))
	require.NoError(t, alice.call(contract.MethodJoin, contract.Join{Client: alice.client, Channel: "town-hall", UID: "alice"}, nil))
	require.NoError(t, bob.call(contract.MethodJoin, contract.Join{Client: bob.client, Channel: "town-hall", UID: "bob"}, nil))
	require.Error(t, alice.do(contract.MethodStopProxyServer), "joined")

	require.NoError(t, alice.call(contract.MethodSend, contract.Send{Client: alice.client, Text: "hello"}, nil))
	bob.await(contract.EventMessage, func(e contract.Event) bool { return e.Text == "hello" && e.UID == "alice" })

	require.NoError(t, alice.call(contract.MethodPublish, contract.Publish{Client: alice.client, Audio: true, Video: true}, nil))
	require.NoError(t, bob.call(contract.MethodSubscribe, contract.Subscribe{Client: bob.client, UID: "alice", Audio: true, Video: true}, nil))
	var stats contract.Stats
	require.Eventually(t, func() bool {
		require.NoError(t, bob.call(contract.MethodStats, contract.ClientCall{Client: bob.client}, &stats))
		return stats.Received["alice"].Video.Frames > 10 && stats.Received["alice"].Audio.Packets > 10
	}, 20*time.Second, 200*time.Millisecond, "frames are decoded")
	require.NoError(t, alice.call(contract.MethodStats, contract.ClientCall{Client: alice.client}, &stats))
	require.Positive(t, stats.Sent.Video.Frames)
	require.NoError(t, alice.do(contract.MethodLeave))
	require.NoError(t, alice.do(contract.MethodStopProxyServer))

	// What the page says that it sent is what SD-RTN received, but for what went between the measuring and the closing.
	require.NoError(t, alice.call(contract.MethodStats, contract.ClientCall{Client: alice.client}, &stats))
	for kind, sent := range map[string]contract.TrackStats{"audio": stats.Sent.Audio, "video": stats.Sent.Video} {
		late := l.total(kind).Packets - sent.Packets
		require.GreaterOrEqual(t, late, 0, kind)
		require.LessOrEqual(t, late, 10, kind)
	}
	require.NoError(t, bob.do(contract.MethodLeave))
}

// TestPageHearsAndSeesOthers has the page take what the reference SDK in Go sends.
func TestPageHearsAndSeesOthers(t *testing.T) {
	l := newLab(t)
	b := start(t, l)
	for _, codec := range []string{"vp8", "h264"} {
		t.Run(codec, func(t *testing.T) {
			alice, bob := open(t, l, b, l.site(reference)), session(t, l, l.user(), codec)
			require.NoError(t, bob.call(contract.MethodJoin, contract.Join{Client: bob.client, Channel: codec, UID: "bob"}, nil))
			require.NoError(t, bob.call(contract.MethodPublish, contract.Publish{Client: bob.client, Audio: true, Video: true}, nil))
			require.NoError(t, alice.do(contract.MethodStartProxyServer))
			require.NoError(t, alice.call(contract.MethodJoin, contract.Join{Client: alice.client, Channel: codec, UID: "alice"}, nil))
			require.NoError(t, alice.call(contract.MethodSubscribe, contract.Subscribe{Client: alice.client, UID: "bob", Audio: true, Video: true}, nil))
			var stats contract.Stats
			require.Eventually(t, func() bool {
				require.NoError(t, alice.call(contract.MethodStats, contract.ClientCall{Client: alice.client}, &stats))
				return stats.Received["bob"].Video.Frames > 60 && stats.Received["bob"].Audio.Packets > 10
			}, 20*time.Second, 200*time.Millisecond, "frames are decoded, beyond a key frame: %+v", &stats)
		})
	}
}

// TestWhatAnSDKLacksIsNamed has a script under test with part of the API.
func TestWhatAnSDKLacksIsNamed(t *testing.T) {
	l := newLab(t)
	b := start(t, l)
	files := fstest.MapFS{"part.js": {Data: []byte(`
		window.AgoraRTC = { VERSION: '3.0.0', createClient: () => ({ on() {}, init: (id, yes) => yes(), startProxyServer() { throw 'no proxy today' } }) }
		console.warn('part of it')
		new WebSocket('wss://logs.vendor.test/?key=secret')`)}}
	s := open(t, l, b, l.site(browser.Script{Files: files, Name: "part.js"}))
	var e *contract.Error
	require.ErrorAs(t, s.do(contract.MethodStopProxyServer), &e)
	require.Equal(t, contract.CodeMethodNotFound, e.Code)
	require.Equal(t, "AgoraRTC has no stopProxyServer", e.Message)
	require.ErrorAs(t, s.do(contract.MethodStartProxyServer), &e)
	require.Equal(t, contract.CodeSDK, e.Code)
	require.Equal(t, "no proxy today", e.Message)
	require.Contains(t, s.lines(), "warning console: part of it")
	require.Contains(t, s.lines(), "info WebSocket: wss://logs.vendor.test/", "the query, which may hold a secret, is left out")
}

// TestTheEndOfAPageOrBrowserIsSaid has both die under a session.
func TestTheEndOfAPageOrBrowserIsSaid(t *testing.T) {
	l := newLab(t)
	b := start(t, l)
	url := l.site(reference)
	p, err := b.Open(url)
	require.NoError(t, err)
	p.Crash()
	_, err = io.ReadAll(p)
	require.ErrorContains(t, err, "the page crashed")

	p, err = b.Open(url)
	require.NoError(t, err, "the browser goes on")
	b.Close()
	_, err = io.ReadAll(p)
	require.ErrorContains(t, err, "the browser has ended")
}

// TestWhatChromiumDoesByItselfIsListed has a Chromium with an empty page in a cell. It tries to reach its maker: the
// page's log says so, and not one packet leaves, not even to the name server. A headless shell tries nothing.
func TestWhatChromiumDoesByItselfIsListed(t *testing.T) {
	program, err := browser.FindWhole()
	if err != nil {
		t.Skip(err)
	}
	if err := kernel.Probe(); err != nil {
		t.Skip(err)
	}
	cell, err := kernel.NewCell(kernel.Site{Address: netip.MustParseAddr("10.10.0.2"), DNS: netip.MustParseAddr("10.10.0.53")})
	require.NoError(t, err)
	_, err = cell.Look(kernel.Expect{})
	require.NoError(t, err)
	packet := make([]byte, 1<<16)
	sent := func() []byte { // the next packet from within
		require.NoError(t, cell.Device().SetReadDeadline(time.Now().Add(time.Second)))
		n, err := cell.Device().Read(packet)
		if err != nil {
			require.ErrorIs(t, err, os.ErrDeadlineExceeded)
		}
		return packet[:n]
	}
	for len(sent()) > 0 { // these are of the look
	}
	b, err := browser.Start(context.Background(), browser.Config{
		Program: program, Home: kernel.Scratch, Names: []string{"*.test"},
		Run: func(program, env []string, files []*os.File) (browser.Running, error) {
			return cell, cell.Start(kernel.Program{Args: program, Env: env, Files: files})
		},
	})
	require.NoError(t, err)
	t.Cleanup(func() { b.Close(); _ = cell.Close(); _ = cell.Device().Close() })
	p, err := b.Open("about:blank")
	require.NoError(t, err)

	var list []string
	for lines := bufio.NewScanner(p); len(list) < 3 && lines.Scan(); {
		if strings.Contains(lines.Text(), "Chromium by itself: ") {
			list = append(list, lines.Text())
		}
	}
	require.True(t, slices.ContainsFunc(list, func(line string) bool { return strings.Contains(line, "google.com/") }), "%q", list)
	require.Empty(t, sent(), "a packet left")
	require.NoError(t, p.Close())
}
