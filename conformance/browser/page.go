package browser

import (
	"bytes"
	"cmp"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/proxyspec/proxyspec/conformance/contract"
)

//go:embed adapter.js
var adapter string

// loadLimit is how long a page and its scripts may take to load: a script of a few megabytes, in a page among many on a busy
// machine, has taken more than 20 seconds.
const loadLimit = time.Minute

// Page is a page with an SDK in it, and the line to the page adapter: frames of the SDK contract, one a line.
type Page struct {
	b       *Browser
	context string // the browser context, with cookies and caches of its own
	session string
	shown   bool // somebody has opened it; under the browser's lock
	in      inbox
	at      string      // the loader of the document that it is at; the reader's
	home    string      // the URL of the document with the SDK; the reader's
	loads   chan string // the loaders of documents that have loaded
	noted   notes
	close   func() error
	gone    chan struct{} // closed when it has been closed
}

// Open has a page in a fresh context go to a URL, and waits until its scripts have run.
func (b *Browser) Open(url string) (*Page, error) {
	p, err := b.fresh()
	if err == nil {
		p.show(url)
		if err = p.navigate(url); err != nil {
			_ = p.Close()
		}
	}
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", url, err)
	}
	b.restock(p)
	return p, nil
}

// blank makes a page in a fresh context that goes nowhere yet.
func (b *Browser) blank() (*Page, error) {
	p := &Page{b: b, gone: make(chan struct{}), loads: make(chan string, 4)} // more than are loaded until it has gone where it is to go
	p.in.more = sync.NewCond(&p.in.mu)
	p.close = sync.OnceValue(p.dispose)
	if err := p.make(); err != nil {
		_ = p.Close()
		return nil, err
	}
	return p, nil
}

func (p *Page) make() error {
	var made struct {
		Context string `json:"browserContextId"`
	}
	if err := p.b.cdp.call("", "Target.createBrowserContext", map[string]any{"disposeOnDetach": true}, &made); err != nil {
		return err
	}
	p.context = made.Context
	var target struct {
		ID string `json:"targetId"`
	}
	if err := p.b.cdp.call("", "Target.createTarget", map[string]any{"url": "about:blank", "browserContextId": p.context}, &target); err != nil {
		return err
	}
	var attached struct {
		Session string `json:"sessionId"`
	}
	if err := p.b.cdp.call("", "Target.attachToTarget", map[string]any{"targetId": target.ID, "flatten": true}, &attached); err != nil {
		return err
	}
	p.session = attached.Session
	p.b.mu.Lock()
	p.b.pages[p.session] = p
	p.b.mu.Unlock()
	// Somebody has allowed camera and microphone: only then a headless shell tells WebRTC all of its addresses.
	waits := []func(result any) error{p.b.cdp.begin("", "Browser.grantPermissions", map[string]any{
		"permissions": []string{"audioCapture", "videoCapture"}, "browserContextId": p.context})} // all are sent before the first has answered
	for _, c := range []struct {
		method string
		params map[string]any
	}{
		{"Inspector.enable", map[string]any{}},
		{"Page.enable", map[string]any{}},
		{"Runtime.enable", map[string]any{}},
		{"Network.enable", map[string]any{}},
		{"Log.enable", map[string]any{}},
		{"Emulation.setFocusEmulationEnabled", map[string]any{"enabled": true}}, // whatever other pages there are
		{"Runtime.addBinding", map[string]any{"name": "proxyspecSend"}},
		{"Page.addScriptToEvaluateOnNewDocument", map[string]any{"source": adapter}},
	} {
		waits = append(waits, p.b.cdp.begin(p.session, c.method, c.params))
	}
	for _, wait := range waits {
		if err := wait(nil); err != nil {
			return err
		}
	}
	return nil
}

func (p *Page) navigate(url string) error {
	var went struct {
		Loader string `json:"loaderId"`
		Error  string `json:"errorText"`
	}
	if err := p.b.cdp.call(p.session, "Page.navigate", map[string]any{"url": url}, &went); err != nil {
		return err
	}
	if went.Error != "" {
		return errors.New(went.Error)
	}
	late := time.NewTimer(loadLimit)
	defer late.Stop()
	for {
		select {
		case loader := <-p.loads:
			if loader == went.Loader { // not the blank document's
				return nil
			}
		case <-p.b.cdp.done:
			return errGone
		case <-late.C:
			return fmt.Errorf("its scripts hadn't loaded after %v", loadLimit)
		}
	}
}

// show has the page's log tell which browser it is in, what that does from now on, and what it did while there was no page
// to tell.
func (p *Page) show(url string) {
	b := p.b
	b.mu.Lock()
	defer b.mu.Unlock()
	p.shown = true
	b.opened[url] = true
	p.log("info", "in "+b.product)
	for _, line := range b.untold {
		p.log("info", line)
	}
	b.untold = nil
}

// Write sends frames to the page adapter.
func (p *Page) Write(text []byte) (int, error) {
	for line := range bytes.Lines(text) {
		argument, err := json.Marshal(string(bytes.TrimSuffix(line, []byte{'\n'})))
		if err != nil {
			return 0, err
		}
		p.b.cdp.begin(p.session, "Runtime.evaluate", map[string]any{"expression": fmt.Sprintf("proxyspecReceive(%s)", argument)})
	}
	return len(text), nil
}

// Read reads frames of the page adapter.
func (p *Page) Read(to []byte) (int, error) { return p.in.read(to) }

// Close closes the page and everything that it has open.
func (p *Page) Close() error { return p.close() }

func (p *Page) dispose() error {
	p.in.end(io.EOF)
	close(p.gone)
	p.b.mu.Lock()
	delete(p.b.pages, p.session)
	p.b.mu.Unlock()
	if p.context == "" {
		return nil
	}
	err := p.b.cdp.call("", "Target.disposeBrowserContext", map[string]any{"browserContextId": p.context}, nil)
	if errors.Is(err, errGone) {
		return nil
	}
	return err
}

// Crash has the page's process crash, as a page out of memory does.
func (p *Page) Crash() {
	p.b.cdp.begin(p.session, "Page.crash", struct{}{})
}

// event takes what the browser tells of the page. The reader calls it: it must not wait.
func (p *Page) event(method string, params json.RawMessage) {
	switch method {
	case "Page.frameNavigated":
		var navigated struct {
			Frame struct {
				Parent  string `json:"parentId"`
				Loader  string `json:"loaderId"`
				URL     string `json:"url"`
				Blocked string `json:"unreachableUrl"` // it is an error page in the place of this one
			} `json:"frame"`
		}
		if json.Unmarshal(params, &navigated) == nil && navigated.Frame.Parent == "" {
			p.at = navigated.Frame.Loader
			p.went(cmp.Or(navigated.Frame.Blocked, navigated.Frame.URL))
		}
	case "Page.loadEventFired":
		select {
		case p.loads <- p.at:
		default: // nobody waits any more
		}
	case "Runtime.bindingCalled":
		var called struct {
			Name    string `json:"name"`
			Payload string `json:"payload"`
		}
		if json.Unmarshal(params, &called) == nil && called.Name == "proxyspecSend" {
			p.in.put(append([]byte(called.Payload), '\n'))
		}
	case "Page.javascriptDialogOpening": // there is nobody to see it, and until it is closed the page stands still
		p.b.stock.tasks.Go(func() { p.b.cdp.begin(p.session, "Page.handleJavaScriptDialog", map[string]any{"accept": true}) })
		p.note(method, params)
	case "Inspector.targetCrashed":
		p.in.end(errors.New("the page crashed"))
	default:
		p.note(method, params)
	}
}

// note has the log tell of an event that is worth a line.
func (p *Page) note(method string, params json.RawMessage) {
	if level, text := p.noted.of(method, params); text != "" {
		p.log(level, text)
	}
}

// went takes the URL of a document that is there now. With the first one's the SDK has gone, and every call under way.
func (p *Page) went(url string) {
	switch {
	case url == "about:blank":
	case p.home == "":
		p.home = url
	case url == p.home:
		p.in.end(errors.New("the page was loaded once more by its script, which ended the SDK in it"))
	default:
		p.in.end(fmt.Errorf("the page was sent to %s by its script, which ended the SDK in it", short(url)))
	}
}

// log says something as if the adapter had said it.
func (p *Page) log(level, text string) {
	params, err := json.Marshal(contract.Log{Level: level, Message: contract.Kept(text)})
	if err != nil {
		return // two strings always encode
	}
	frame, err := json.Marshal(contract.Frame{JSONRPC: "2.0", Method: contract.NotifyLog, Params: params})
	if err == nil {
		p.in.put(append(frame, '\n'))
	}
}

// inbox is what has come from a page and has not been read. It has no bound but the session's length: whoever puts
// must not wait.
type inbox struct {
	mu   sync.Mutex
	more *sync.Cond
	text []byte
	over error
}

func (in *inbox) put(text []byte) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.over == nil {
		in.text = append(in.text, text...)
		in.more.Signal()
	}
}

// ended tells whether no more will come.
func (in *inbox) ended() bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.over != nil
}

func (in *inbox) end(why error) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.over == nil {
		in.over = why
	}
	in.more.Broadcast()
}

func (in *inbox) read(to []byte) (int, error) {
	in.mu.Lock()
	defer in.mu.Unlock()
	for len(in.text) == 0 {
		if in.over != nil {
			return 0, in.over
		}
		in.more.Wait()
	}
	n := copy(to, in.text)
	in.text = in.text[n:]
	return n, nil
}
