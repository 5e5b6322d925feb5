package mutant

import (
	"crypto/tls"
	"encoding/json"
	"net"
	"net/url"
	"time"

	"github.com/proxyspec/proxyspec/conformance/contract"
	"github.com/proxyspec/proxyspec/fakes/sdk"
)

// contacts are connections that a sound SDK opens to nobody, or not then.
var contacts = []Mutant{
	{
		Name: "looks-up-at-start", Breaks: []string{"CP-FLOW-13"},
		Description: "asks the cloud proxy as soon as startProxyServer is called",
		make:        contact(start, func(f *front, k known) { f.connect(k.edge) }),
	},
	{
		Name: "reports-to-edge", Breaks: []string{"CP-FLOW-15"},
		Description: "sends a log to a lookup edge while it publishes",
		make:        contact(contract.MethodPublish, func(f *front, k known) { f.connect(inPlain(k.edge)) }),
	},
	{
		Name: "greets-edge", Breaks: []string{"CP-FLOW-14", "CP-SEQ-05"},
		Description: "opens a connection to a lookup edge whenever it joins, and asks nothing where the cloud proxy is off",
		make:        contact(contract.MethodJoin, func(f *front, k known) { f.connect(k.edge) }),
	},
	{
		Name: "calls-back", Breaks: []string{"CP-SEQ-06"},
		Description: "opens a connection to a lookup edge 40 seconds after it has left",
		make: contact(contract.MethodLeave, func(f *front, k known) {
			f.later(40*time.Second, func() { f.connect(k.edge) })
		}),
	},
	{
		Name: "reports-unchecked", Breaks: []string{"CP-RES-07"},
		Description: "reports each join to a lookup edge, whoever shows a certificate for it",
		make:        contact(contract.MethodJoin, func(f *front, k known) { f.report(k.edge) }),
	},
	{
		Name: "greets-refused-server", Breaks: []string{"CP-API-17"},
		Description: "refuses setProxyServer and setTurnServer while the cloud proxy is on, and contacts what they name all the same",
		make: contact(contract.MethodJoin, func(f *front, k known) {
			f.connect(k.proxy)
			f.connect(k.turn)
		}),
	},
	{
		Name: "greets-proxy-server-in-plain", Breaks: []string{"CP-CFG-07"},
		Description: "tries the server that setProxyServer names by HTTP on TCP port 80",
		make:        contact(contract.MethodJoin, func(f *front, k known) { f.connect(inPlain(k.proxy)) }),
	},
	{
		Name: "greets-turn-server-in-plain", Breaks: []string{"CP-CFG-08"},
		Description: "tries the server that setTurnServer names by HTTP on TCP port 80",
		make:        contact(contract.MethodJoin, func(f *front, k known) { f.connect(inPlain(k.turn)) }),
	},
}

// known is whom an SDK has been told of, by their URLs: whether it may go there or not.
type known struct{ edge, proxy, turn string }

// contact makes a mutant that goes where it has no business when a method is called.
func contact(on string, reach func(*front, known)) func(sdk.Config) SDK {
	return conduct(func(f *front) func(*contract.Call) {
		var k known
		return func(c *contract.Call) {
			switch c.Method {
			case contract.MethodHello:
				k.edge = paramsOf[contract.Hello](c).Endpoints.Lookup[0]
			case setProxy:
				k.proxy = "https://" + paramsOf[contract.SetProxyServer](c).ProxyServer
			case setTurn:
				var server contract.TurnServer
				if json.Unmarshal(paramsOf[contract.SetTurnServer](c).TurnServer, &server) == nil {
					k.turn = "https://" + server.TurnServerURL
				}
			}
			if c.Method == on {
				reach(f, k)
			}
			f.inner.Begin(c)
		}
	})
}

// report sends something to the host of a URL by TLS, and doesn't look who it is.
func (f *front) report(to string) {
	f.talk(to, func(conn net.Conn) {
		_ = conn.SetDeadline(time.Now().Add(time.Second))
		_, _ = tls.Client(conn, &tls.Config{InsecureSkipVerify: true}).Write([]byte("joined"))
	})
}

// inPlain is the same host by HTTP.
func inPlain(to string) string {
	u, err := url.Parse(to)
	if err != nil || u.Hostname() == "" {
		return ""
	}
	return "http://" + net.JoinHostPort(u.Hostname(), "80")
}
