package mutant

import (
	"encoding/json"
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

// connect opens a connection to the host of a URL, if it has one, whatever becomes of it.
func (f *front) connect(to string) { f.talk(to, func(net.Conn) {}) }

// talk does something with such a connection, which it closes.
func (f *front) talk(to string, say func(net.Conn)) {
	u, err := url.Parse(to)
	if err != nil || u.Hostname() == "" {
		return
	}
	host, port := u.Hostname(), u.Port()
	if port == "" {
		port = "443"
	}
	f.tasks.Go(func() {
		if conn, err := f.net.CreateDialer(&net.Dialer{Timeout: time.Second}).Dial("tcp", net.JoinHostPort(host, port)); err == nil {
			say(conn)
			_ = conn.Close()
		}
	})
}

// conduct makes a mutant that stands in front of the reference. begin is its Begin; it may keep state, since
// calls come one after the other.
func conduct(begin func(*front) func(*contract.Call)) func(sdk.Config) SDK {
	return func(cfg sdk.Config) SDK {
		f := &front{inner: sdk.New(cfg), net: cfg.Net, ended: make(chan struct{})}
		f.begin = begin(f)
		return f
	}
}

// as is another call with the same parameters, whose outcome nobody hears.
func as(c *contract.Call, method string) *contract.Call {
	d := c.Divert(func(any, error) {})
	d.Method = method
	return d
}

// paramsOf is a call's parameters, as far as they fit.
func paramsOf[P any](c *contract.Call) (p P) {
	_ = c.Bind(&p)
	return p
}

// rewrites makes a mutant that changes the parameters of a method.
func rewrites[P any](method string, change func(*P)) func(sdk.Config) SDK {
	return conduct(func(f *front) func(*contract.Call) {
		return func(c *contract.Call) {
			var p P
			if c.Method == method && c.Bind(&p) == nil {
				change(&p)
				c.Params, _ = json.Marshal(p)
			}
			f.inner.Begin(c)
		}
	})
}

// clearsBefore makes a mutant that calls stopProxyServer by itself before a method.
func clearsBefore(method string) func(sdk.Config) SDK {
	return conduct(func(f *front) func(*contract.Call) {
		return func(c *contract.Call) {
			if c.Method == method {
				f.inner.Begin(as(c, stop))
			}
			f.inner.Begin(c)
		}
	})
}
