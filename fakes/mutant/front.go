package mutant

import (
	"net"
	"net/url"
	"sync"
	"time"

	"github.com/pion/transport/v3"

	"github.com/proxyspec/proxyspec/conformance/contract"
	"github.com/proxyspec/proxyspec/fakes/sdk"
)

// front is a handler in front of the reference.
type front struct {
	inner *sdk.SDK
	net   transport.Net
	begin func(*contract.Call)

	mu    sync.Mutex // for what replies change
	tasks sync.WaitGroup
	once  sync.Once
	ended chan struct{} // closed at shutdown and Close
}

// Begin passes shutdown on as it is: what was to come later comes no more.
func (f *front) Begin(c *contract.Call) {
	if c.Method == contract.MethodShutdown {
		f.end()
		f.inner.Begin(c)
		return
	}
	f.begin(c)
}

// Close ends the mutant and the reference behind it.
func (f *front) Close() {
	f.end()
	f.tasks.Wait()
	f.inner.Close()
}

func (f *front) end() { f.once.Do(func() { close(f.ended) }) }

// later does something after a while, unless the session ends before.
func (f *front) later(d time.Duration, do func()) {
	f.tasks.Go(func() {
		timer := time.NewTimer(d)
		defer timer.Stop()
		select {
		case <-timer.C:
			do()
		case <-f.ended:
		}
	})
}

// connect opens a connection to the host of a URL, whatever becomes of it.
func (f *front) connect(to string) {
	u, err := url.Parse(to)
	if err != nil {
		return
	}
	host, port := u.Hostname(), u.Port()
	if port == "" {
		port = "443"
	}
	f.tasks.Go(func() {
		if conn, err := f.net.CreateDialer(&net.Dialer{Timeout: time.Second}).Dial("tcp", net.JoinHostPort(host, port)); err == nil {
			_ = conn.Close()
		}
	})
}
