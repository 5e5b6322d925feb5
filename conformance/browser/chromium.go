package browser

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Where Chromium is looked for: its headless shell first, which is the same engine without the windows and services of a
// browser, and takes a bit more than half the work for a page in a fresh context (0.42 s of CPU beside 0.70). Debian's
// programs in /usr/bin are shell scripts around those in /usr/lib.
var (
	shells = []string{"/usr/lib/chromium/chromium-headless-shell", "chrome-headless-shell", "headless_shell"}
	whole  = []string{"/usr/lib/chromium/chromium", "chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"}
)

// Find finds Chromium, or says which packages of Debian bring it.
func Find() (string, error) { return find(slices.Concat(shells, whole)) }

func find(programs []string) (string, error) {
	for _, name := range programs {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("there is no Chromium on this machine (looked for %s): install the package chromium-headless-shell, or chromium",
		strings.Join(programs, ", "))
}

// Config is what a browser begins with.
type Config struct {
	// Program is Chromium, as Find finds it.
	Program string
	// Run starts it, in whatever namespace, with these variables in its environment and these files from descriptor 0 on.
	// Nil: here, as a process group of its own.
	Run func(program, env []string, files []*os.File) (Running, error)
	// Home is a folder for its profile. Empty: one of its own, gone with it.
	Home string
	// Trust is the SHA-256 hashes of public keys (SPKI, in base64) whose certificates count as valid.
	Trust []string
	// Args are further flags.
	Args []string
	// Names are the host names that may be looked up, with wildcards; no other name is.
	Names []string
}

// Running is a program under way.
type Running interface {
	Kill() error // it and its helpers
	Wait() (syscall.WaitStatus, error)
}

// Browser is a running Chromium.
type Browser struct {
	cdp     *cdp
	running Running
	home    string // empty: it isn't ours
	program string
	product string // its name and version, as it says
	said    tail   // of its standard error
	ended   chan struct{}
	stock   stock

	mu     sync.Mutex
	pages  map[string]*Page // by session
	opened map[string]bool  // the pages' URLs
	untold []string         // what the browser did by itself while there was no page to tell
}

// startLimit is how long Chromium may take to answer its first command, where several begin at once on a busy machine.
const startLimit = 2 * time.Minute

// flags make Chromium quiet, headless and alike everywhere.
var flags = []string{
	"--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--no-default-browser-check",
	"--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-default-apps",
	"--no-startup-window", "--disable-extensions", "--disable-domain-reliability", "--disable-client-side-phishing-detection", "--metrics-recording-only",
	"--disable-dev-shm-usage", "--mute-audio", "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream",
	"--autoplay-policy=no-user-gesture-required",
	// The lab's addresses are no public ones, and a page of one may ask for another without asking a person first.
	"--disable-features=LocalNetworkAccessChecks,OptimizationHints,MediaRouter,DialMediaRouteProvider,Translate",
	// A page has a context of its own, and needs no second process because its site is another than about:blank.
	"--disable-site-isolation-trials",
	"--js-flags=--max-old-space-size=512", // MB: a script that wants more has run wild
	"--remote-debugging-pipe", "--log-net-log=/proc/self/fd/5",
}

// Start starts Chromium and waits until it answers. Close ends it.
func Start(ctx context.Context, cfg Config) (*Browser, error) {
	if cfg.Run == nil {
		cfg.Run = run
	}
	b := &Browser{program: cfg.Program, ended: make(chan struct{}), pages: map[string]*Page{}, opened: map[string]bool{}}
	b.stock.made.L = &b.stock.mu
	if cfg.Home == "" {
		var err error
		if cfg.Home, err = os.MkdirTemp("", "proxyspec-browser-"); err != nil {
			return nil, err
		}
		b.home = cfg.Home
	}
	if err := b.start(cfg); err != nil {
		_ = os.RemoveAll(b.home)
		return nil, fmt.Errorf("start %s: %w", cfg.Program, err)
	}
	if err := b.ready(ctx); err != nil {
		b.Close()
		return nil, err
	}
	return b, nil
}

// ready waits until Chromium answers.
func (b *Browser) ready(ctx context.Context) error {
	limit, cancel := context.WithTimeoutCause(ctx, startLimit, fmt.Errorf("it didn't answer within %v", startLimit))
	defer cancel()
	var version struct {
		Product string `json:"product"`
	}
	answered := make(chan error, 1)
	go func() { answered <- b.cdp.call("", "Browser.getVersion", struct{}{}, &version) }()
	var err error
	select {
	case err = <-answered:
	case <-limit.Done():
		err = context.Cause(limit)
	}
	if err != nil {
		return fmt.Errorf("start %s: %w; it said: %s", b.program, err, b.said.String())
	}
	b.product = version.Product
	return nil
}

// Alive tells whether the browser is still there.
func (b *Browser) Alive() bool {
	select {
	case <-b.ended:
		return false
	default:
		return true
	}
}

// group is a program with its processes in a group of their own.
type group struct{ *os.Process }

func run(program, env []string, files []*os.File) (Running, error) {
	p, err := os.StartProcess(program[0], program, &os.ProcAttr{
		Env: append(os.Environ(), env...), Files: files, Sys: &syscall.SysProcAttr{Setpgid: true}})
	return group{p}, err
}

func (g group) Kill() error { return syscall.Kill(-g.Pid, syscall.SIGKILL) }

func (g group) Wait() (status syscall.WaitStatus, err error) {
	state, err := g.Process.Wait()
	if err == nil {
		status, _ = state.Sys().(syscall.WaitStatus)
	}
	return status, err
}

func (b *Browser) start(cfg Config) error {
	var pipes []*os.File
	defer func() {
		for _, f := range pipes {
			_ = f.Close()
		}
	}()
	for range 4 {
		r, w, err := os.Pipe()
		if err != nil {
			return err
		}
		pipes = append(pipes, r, w)
	}
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	theirIn, ourOut, ourIn, theirOut, said, stderr, netLog, theirNetLog := pipes[0], pipes[1], pipes[2], pipes[3], pipes[4], pipes[5], pipes[6], pipes[7]
	// What it keeps elsewhere it leaves behind when it is killed.
	env := []string{"HOME=" + cfg.Home, "XDG_CONFIG_HOME=" + cfg.Home, "XDG_CACHE_HOME=" + cfg.Home, "TMPDIR=" + cfg.Home}
	b.running, err = cfg.Run(append([]string{cfg.Program}, cfg.args()...), env, []*os.File{null, null, stderr, theirIn, theirOut, theirNetLog})
	_ = null.Close()
	if err != nil {
		return err
	}
	pipes = []*os.File{theirIn, theirOut, stderr, theirNetLog} // to be closed here
	go func() { _, _ = io.Copy(&b.said, said); _ = said.Close() }()
	go func() { ownRequests(netLog, b.own); _ = netLog.Close() }()
	b.cdp = newCDP(ourOut, b.event)
	go func() {
		defer close(b.ended)
		b.cdp.run(ourIn)
		_ = ourOut.Close()
		_ = ourIn.Close()
		b.lose(errGone)
	}()
	return nil
}

func (cfg Config) args() []string {
	args := append(slices.Clone(flags), cfg.Args...)
	args = append(args, "--user-data-dir="+filepath.Join(cfg.Home, "profile"))
	if len(cfg.Trust) > 0 {
		args = append(args, "--ignore-certificate-errors-spki-list="+strings.Join(cfg.Trust, ","))
	}
	rules := "MAP * ~NOTFOUND"
	for _, name := range cfg.Names {
		rules += ", EXCLUDE " + name
	}
	return append(args, "--host-resolver-rules="+rules)
}

// Close ends the browser, its pages and all its processes.
func (b *Browser) Close() {
	closed := make(chan struct{})
	go func() { _ = b.cdp.call("", "Browser.close", struct{}{}, nil); close(closed) }()
	select {
	case <-closed:
	case <-time.After(5 * time.Second):
	}
	_ = b.running.Kill() // its helpers, if any is left
	_, _ = b.running.Wait()
	<-b.ended
	b.stock.tasks.Wait()
	if b.home != "" {
		_ = os.RemoveAll(b.home)
	}
}

// event takes what the browser tells by itself.
func (b *Browser) event(session, method string, params json.RawMessage) {
	b.mu.Lock()
	p := b.pages[session]
	b.mu.Unlock()
	if p != nil {
		p.event(method, params)
	}
}

// own has the pages' logs tell of a request that the browser made by itself.
func (b *Browser) own(method, url string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.opened[url] {
		return // that was our doing
	}
	line := fmt.Sprintf("Chromium by itself: %s %s, and no such name is looked up", method, short(url))
	told := false
	for _, p := range b.pages {
		if p.shown {
			p.log("info", line)
			told = true
		}
	}
	if !told {
		b.untold = append(b.untold, line)
	}
}

// lose ends every page.
func (b *Browser) lose(why error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, p := range b.pages {
		p.in.end(why)
	}
}

// tail is the end of what a program writes.
type tail struct {
	mu   sync.Mutex
	text []byte
}

const tailSize = 4096

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, p...)
	if over := len(t.text) - tailSize; over > 0 {
		t.text = t.text[over:]
	}
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.TrimSpace(string(t.text))
}
