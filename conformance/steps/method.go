package steps

import (
	"encoding/json"
	"fmt"

	"github.com/proxyspec/proxyspec/conformance/contract"
	"github.com/proxyspec/proxyspec/conformance/result"
	"github.com/proxyspec/proxyspec/conformance/runner"
	"github.com/proxyspec/proxyspec/conformance/world"
)

func (s *scene) methodSteps() []runner.Definition {
	return []runner.Definition{
		{
			Expr: `^(\w+) starts the cloud proxy$`,
			Do:   func(who string) error { return s.call(who, contract.MethodStartProxyServer, plain) },
			Says: "Calls startProxyServer and waits until it has returned.",
		},
		{
			Expr: `^(\w+) stops the cloud proxy$`,
			Do:   func(who string) error { return s.call(who, contract.MethodStopProxyServer, plain) },
			Says: "Calls stopProxyServer and waits until it has returned.",
		},
		{
			Expr: `^(\w+) sets the proxy server "([^"]*)"$`,
			Do: func(who, server string) error {
				return s.call(who, contract.MethodSetProxyServer, func(client string) any {
					return contract.SetProxyServer{Client: client, ProxyServer: server}
				})
			},
			Says: "Calls setProxyServer.",
		},
		{
			Expr: `^(\w+) sets the TURN server "([^"]*)"$`,
			Do:   s.setTurnServer,
			Says: "Calls setTurnServer with this URL, UDP port 3478 and a user and password of the suite's.",
		},
		{
			Expr: `^(startProxyServer|stopProxyServer|setProxyServer|setTurnServer) returned (normally|an error)$`,
			Do:   s.returned,
			Says: "Judges alice's last call of this method. What the error says doesn't matter.",
		},
	}
}

func (s *scene) setTurnServer(who, url string) error {
	server, err := json.Marshal(contract.TurnServer{TurnServerURL: url, Username: "alice", Password: "wonderland", UDPPort: "3478"})
	if err != nil {
		return err
	}
	return s.call(who, contract.MethodSetTurnServer, func(client string) any {
		return contract.SetTurnServer{Client: client, TurnServer: server}
	})
}

func (s *scene) returned(method, how string) error {
	c, err := s.last(world.Alice, method)
	if err != nil {
		return err
	}
	over, failed := c.Over()
	if over && (failed != nil) == (how == "an error") {
		return nil
	}
	return &result.Failure{
		Message:  fmt.Sprintf("%s did not return %s", method, how),
		Expected: fmt.Sprintf("%s returns %s within %v", method, how, s.world.Limits.Reply),
		Actual:   ended(c),
		Cause:    "the SDK's own rules decide this: no packet is involved",
		Events:   proof(c),
	}
}
