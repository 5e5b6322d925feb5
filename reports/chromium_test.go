package reports_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// chromium is a headless browser, which the tests share and TestMain ends. It is spoken to by the Chrome DevTools
// Protocol over a pipe: JSON messages that end in a zero byte.
type chromium struct {
	in      *os.File
	out     *os.File
	text    *bufio.Reader
	last    int
	program *exec.Cmd
	home    string
}

var shared *chromium

func TestMain(m *testing.M) {
	code := m.Run()
	if shared != nil {
		shared.end()
	}
	os.Exit(code)
}

func startChromium(program string) (*chromium, error) {
	theirs, in, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	out, theirsToo, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	home, err := os.MkdirTemp("", "reports-chromium-")
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(program, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
		"--disable-component-update", "--disable-sync", "--remote-debugging-pipe", "--user-data-dir="+filepath.Join(home, "profile"))
	cmd.Env = append(os.Environ(), "HOME="+home, "TMPDIR="+home)
	cmd.ExtraFiles = []*os.File{theirs, theirsToo}
	err = cmd.Start()
	theirs.Close()
	theirsToo.Close()
	return &chromium{in: in, out: out, text: bufio.NewReader(out), program: cmd, home: home}, err
}

func (c *chromium) end() {
	c.in.Close() // it ends then
	late := time.AfterFunc(10*time.Second, func() { _ = c.program.Process.Kill() })
	_ = c.program.Wait()
	late.Stop()
	c.out.Close()
	_ = os.RemoveAll(c.home)
}

// tab is a page of it. It does one thing at a time.
type tab struct {
	*chromium
	t       *testing.T
	session string
	events  map[string]int // by method
	console []string       // what was written there, and what went wrong
}

// openTab opens one, in a window of a desk. It skips the test where there is no browser.
func openTab(t *testing.T) *tab {
	t.Helper()
	if testing.Short() {
		t.Skip("a browser takes seconds to start")
	}
	program := findChromium()
	if program == "" {
		t.Skip("no chromium on this machine")
	}
	if shared == nil {
		var err error
		shared, err = startChromium(program)
		require.NoError(t, err)
	}
	require.NoError(t, shared.out.SetReadDeadline(time.Now().Add(2*time.Minute))) // of everything that the test does with it
	b := &tab{chromium: shared, t: t, events: map[string]int{}}
	var target struct {
		ID string `json:"targetId"`
	}
	b.call("Target.createTarget", map[string]any{"url": "about:blank"}, &target)
	var attached struct {
		ID string `json:"sessionId"`
	}
	b.call("Target.attachToTarget", map[string]any{"targetId": target.ID, "flatten": true}, &attached)
	b.session = attached.ID
	for _, domain := range []string{"Page", "Runtime", "Log"} {
		b.call(domain+".enable", nil, nil)
	}
	b.resize(1280, 900)
	t.Cleanup(func() {
		b.session = ""
		b.call("Target.closeTarget", map[string]any{"targetId": target.ID}, nil)
	})
	return b
}

// findChromium prefers the program itself to Debian's wrapper script.
func findChromium() string {
	for _, name := range []string{"/usr/lib/chromium/chromium", "chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return ""
}

type message struct {
	ID      int             `json:"id,omitempty"`
	Session string          `json:"sessionId,omitempty"`
	Method  string          `json:"method,omitempty"`
	Params  json.RawMessage `json:"params,omitempty"`
	Result  json.RawMessage `json:"result,omitempty"`
	Error   json.RawMessage `json:"error,omitempty"`
}

// call sends a command and reads until its answer is there.
func (b *tab) call(method string, params, answer any) {
	b.t.Helper()
	raw, err := json.Marshal(params)
	require.NoError(b.t, err)
	if params == nil {
		raw = []byte("{}")
	}
	b.last++
	text, err := json.Marshal(message{ID: b.last, Session: b.session, Method: method, Params: raw})
	require.NoError(b.t, err)
	_, err = b.in.Write(append(text, 0))
	require.NoError(b.t, err, method)
	for {
		m := b.read()
		if m.ID != b.last {
			continue
		}
		require.Empty(b.t, string(m.Error), method)
		if answer != nil {
			require.NoError(b.t, json.Unmarshal(m.Result, answer))
		}
		return
	}
}

func (b *tab) read() (m message) {
	b.t.Helper()
	text, err := b.text.ReadBytes(0)
	require.NoError(b.t, err, "the browser says no more")
	require.NoError(b.t, json.Unmarshal(bytes.TrimSuffix(text, []byte{0}), &m))
	b.events[m.Method]++
	switch m.Method {
	case "Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded":
		b.console = append(b.console, string(m.Params))
	}
	return m
}

// open opens a file and waits until it has loaded.
func (b *tab) open(file, anchor string) { b.t.Helper(); b.visit("file://" + file + anchor) }

func (b *tab) visit(url string) {
	b.t.Helper()
	loads := b.events["Page.loadEventFired"]
	b.call("Page.navigate", map[string]any{"url": url}, nil)
	for b.events["Page.loadEventFired"] == loads {
		b.read()
	}
}

// eval is what an asynchronous function of this body returns, within the page.
func (b *tab) eval(body string) any {
	b.t.Helper()
	var answer struct {
		Result struct {
			Value any `json:"value"`
		} `json:"result"`
		Wrong json.RawMessage `json:"exceptionDetails"`
	}
	b.call("Runtime.evaluate", map[string]any{
		"expression": "(async () => {" + body + "})()", "awaitPromise": true, "returnByValue": true,
	}, &answer)
	require.Empty(b.t, string(answer.Wrong), body)
	return answer.Result.Value
}

// says is eval for what is told as a text.
func (b *tab) says(body string) string { b.t.Helper(); return fmt.Sprint(b.eval(body)) }

// press presses and releases a key, as a person does.
func (b *tab) press(key string) {
	b.t.Helper()
	codes := map[string]int{"Tab": 9, "Enter": 13, "Home": 36, " ": 32}
	down := map[string]any{"type": "keyDown", "key": key, "windowsVirtualKeyCode": codes[key]}
	switch {
	case key == "Enter":
		down["text"] = "\r"
	case len(key) == 1:
		down["text"] = key
	}
	b.call("Input.dispatchKeyEvent", down, nil)
	b.call("Input.dispatchKeyEvent", map[string]any{"type": "keyUp", "key": key, "windowsVirtualKeyCode": codes[key]}, nil)
}

// resize gives the page a window of this size, in CSS pixels.
func (b *tab) resize(width, height int) {
	b.t.Helper()
	b.call("Emulation.setDeviceMetricsOverride", map[string]any{"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false}, nil)
}
