package mutant

import (
	"encoding/json"
	"net"
	"net/url"

	"github.com/proxyspec/proxyspec/conformance/contract"
	"github.com/proxyspec/proxyspec/fakes/sdk"
)

// contacts are connections that a sound SDK opens to nobody, or not then.
var contacts = []Mutant{
	{
		Name: "looks-up-at-start", Breaks: []string{"CP-FLOW-13"},
		Description: "asks the cloud proxy as soon as startProxyServer is called",
		make:        contact(start, func(k known) string { return k.edge }),
	},
	{
		Name: "reports-to-edge", Breaks: []string{"CP-FLOW-15"},
		Description: "sends a log to a lookup edge while it publishes",
		make:        contact(contract.MethodPublish, func(k known) string { return inPlain(k.edge) }),
	},
	{
		Name: "greets-edge", Breaks: []string{"CP-SEQ-05"},
		Description: "opens a connection to a lookup edge whenever it joins, and asks nothing where the cloud proxy is off",
		make:        contact(contract.MethodJoin, func(k known) string { return k.edge }),
	},
	{
		Name: "greets-refused-server", Breaks: []string{"CP-API-17"},
		Description: "refuses setProxyServer and setTurnServer while the cloud proxy is on, and contacts what they name all the same",
		make: contact(contract.MethodJoin, func(k known) string {
			if k.proxy != "" {
				return k.proxy
			}
			return k.turn
		}),
	},
	{
		Name: "greets-proxy-server-in-plain", Breaks: []string{"CP-CFG-07"},
		Description: "tries the server that setProxyServer names by HTTP on TCP port 80",
		make:        contact(contract.MethodJoin, func(k known) string { return inPlain(k.proxy) }),
	},
	{
		Name: "greets-turn-server-in-plain", Breaks: []string{"CP-CFG-08"},
		Description: "tries the server that setTurnServer names by HTTP on TCP port 80",
		make:        contact(contract.MethodJoin, func(k known) string { return inPlain(k.turn) }),
	},
}

// known is whom an SDK has been told of, by their URLs: whether it may go there or not.
type known struct{ edge, proxy, turn string }

// contact makes a mutant that opens a connection when a method is called, and says nothing on it.
func contact(on string, where func(known) string) func(sdk.Config) SDK {
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
				f.connect(where(k))
			}
			f.inner.Begin(c)
		}
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
