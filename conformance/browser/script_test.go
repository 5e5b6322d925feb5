package browser_test

import (
	"io"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/conformance/browser"
	"github.com/proxyspec/proxyspec/conformance/contract"
)

// hello opens a script and has it say hello. Its AgoraRTC is whatever the script makes of it.
func hello(t *testing.T, l *lab, b *browser.Browser, name, text string) (*user, contract.HelloResult, error) {
	p, err := b.Open(l.site(browser.Script{Files: fstest.MapFS{name: {Data: []byte(text)}}, Name: name}))
	require.NoError(t, err)
	s := talk(t, p)
	said, err := s.hello(l)
	return s, said, err
}

// TestAgoraRTCMayBeDefinedAnyHow has scripts that do it late, or not as a property of the window.
func TestAgoraRTCMayBeDefinedAnyHow(t *testing.T) {
	l := newLab(t)
	b := start(t, l)
	for name, text := range map[string]string{
		"const.js":    "const AgoraRTC = { VERSION: '3.0.0' }",
		"getter.js":   "Object.defineProperty(window, 'AgoraRTC', { get: () => ({ VERSION: '3.0.0' }) })",
		"late.js":     "document.head.append(Object.assign(new Image(), { src: '/nowhere.png' })); addEventListener('load', () => setTimeout(() => { window.AgoraRTC = { VERSION: '3.0.0' } }, 300))",
		"waiting.mjs": "await new Promise((done) => addEventListener('load', () => setTimeout(done, 300))); globalThis.AgoraRTC = { VERSION: '3.0.0' }",
		"alert.js":    "alert('please update your browser'); window.AgoraRTC = { VERSION: '3.0.0' }",
	} {
		s, said, err := hello(t, l, b, name, text)
		require.NoError(t, err, name)
		require.Equal(t, "3.0.0", said.Version, name)
		if name == "alert.js" {
			require.Contains(t, s.lines(), `warning alert: "please update your browser", answered with OK`)
		}
	}
}

// TestWhyThereIsNoAgoraRTCIsSaid has scripts that come to nothing.
func TestWhyThereIsNoAgoraRTCIsSaid(t *testing.T) {
	l := newLab(t)
	b := start(t, l)
	for name, c := range map[string]struct{ text, why string }{
		"torn.js":    {"window.AgoraRTC = {\n  createClient: () => {", ": Uncaught SyntaxError: Unexpected end of input, in line 2"},
		"half.mjs":   {"import './other-half.mjs'", "/sdk/half.mjs, or a module that it imports, could not be loaded"},
		"export.mjs": {"export default {}", ", not within 5 s of the page having loaded either"},
	} {
		_, _, err := hello(t, l, b, name, c.text)
		var e *contract.Error
		require.ErrorAs(t, err, &e, name)
		require.Contains(t, e.Message, "the script defines no global AgoraRTC", name)
		require.True(t, strings.HasSuffix(e.Message, c.why), "%s: %s", name, e.Message)
	}
}

// TestAPageThatLeavesIsSaid has scripts that take the page, and the SDK with it, away.
func TestAPageThatLeavesIsSaid(t *testing.T) {
	l := newLab(t)
	b := start(t, l)
	for text, why := range map[string]string{
		"location.reload()":            "the page was loaded once more by its script",
		"location.href = '/elsewhere'": "/elsewhere by its script, which ended the SDK in it",
	} {
		files := fstest.MapFS{"leaves.js": {Data: []byte("onload = () => setTimeout(() => { " + text + " })")}}
		p, err := b.Open(l.site(browser.Script{Files: files, Name: "leaves.js"}))
		require.NoError(t, err)
		late := time.AfterFunc(30*time.Second, func() { _ = p.Close() }) // or it would be read for ever
		_, err = io.ReadAll(p)
		late.Stop()
		require.ErrorContains(t, err, why)
		require.NoError(t, p.Close())
	}
}

// TestANoisyConsoleLeavesRoom has a script write more than a frame holds, and more lines than are kept.
func TestANoisyConsoleLeavesRoom(t *testing.T) {
	l := newLab(t)
	b := start(t, l)
	s, _, err := hello(t, l, b, "noisy.js", `
		console.log('%cSDK [INFO]:', 'color: #1E88E5; font-weight: bold', 'hello')
		console.log('x'.repeat(2 << 20))
		for (let i = 0; i < 2000; i++) console.log('tick')
		window.AgoraRTC = { createClient() { new WebSocket('wss://logs.vendor.test/'); return { on() {} } } }`)
	require.NoError(t, err)
	require.NoError(t, s.call(contract.MethodCreateClient, contract.CreateClient{}, nil))
	require.Error(t, s.do("no such method"), "what came before its reply has been read")
	lines := s.lines()
	require.Contains(t, lines, "log console: SDK [INFO]: hello")
	require.Contains(t, lines, "log console: "+strings.Repeat("x", 4096-len("console: "))+" [... and 2093065 bytes more]")
	require.Contains(t, lines, "warning console: the page goes on writing; the rest is left out")
	require.Contains(t, lines, "info WebSocket: wss://logs.vendor.test/")
}

// TestEveryPeerConnectionIsSeen has a script make one by each name that there is for it. Media is counted by what is seen.
func TestEveryPeerConnectionIsSeen(t *testing.T) {
	l := newLab(t)
	b := start(t, l)
	s, _, err := hello(t, l, b, "peers.js", "new RTCPeerConnection(); new webkitRTCPeerConnection().close(); window.AgoraRTC = {}")
	require.NoError(t, err)
	require.Contains(t, s.lines(), "info RTCPeerConnection 1: made, all, no ICE servers")
	require.Contains(t, s.lines(), "info RTCPeerConnection 2: made, all, no ICE servers")
	require.Contains(t, s.lines(), "info RTCPeerConnection 2: closed")
}

// TestOddWordsHarmNobody has an SDK say what is no text, what is none that fits into a frame, and what has itself in it.
func TestOddWordsHarmNobody(t *testing.T) {
	l := newLab(t)
	b := start(t, l)
	s, _, err := hello(t, l, b, "odd.js", `
		const circle = {}; circle.circle = circle
		window.AgoraRTC = { createClient() {
			const heard = {}
			return {
				on(name, listener) { heard[name] = listener },
				init(id, yes, no) {
					heard.error({ reason: circle })
					heard.warning({ reason: 17 })
					heard['connection-state-change']({ curState: 'CONNECTING', reason: { code: 1 } })
					heard['stream-added']()
					no(new Error('y'.repeat(3 << 20)))
				},
			}
		} }`)
	require.NoError(t, err)
	var made contract.CreateClientResult
	require.NoError(t, s.call(contract.MethodCreateClient, contract.CreateClient{}, &made))
	var e *contract.Error
	require.ErrorAs(t, s.call(contract.MethodInit, contract.Init{Client: made.Client, AppID: "app"}, nil), &e)
	require.Equal(t, strings.Repeat("y", 4000)+" [...]", e.Message)
	s.mu.Lock()
	defer s.mu.Unlock()
	require.Equal(t, []contract.Event{
		{Client: made.Client, Type: contract.EventError, Reason: "[object Object]"},
		{Client: made.Client, Type: contract.EventWarning, Reason: "17"},
		{Client: made.Client, Type: contract.EventState, State: contract.StateConnecting, Reason: `{"code":1}`},
	}, s.events)
	require.Contains(t, s.logs, "warning the SDK's event stream-added says nothing here: Cannot destructure property 'stream' of 'undefined' as it is undefined.")
}
