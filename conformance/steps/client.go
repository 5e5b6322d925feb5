package steps

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/proxyspec/proxyspec/conformance/contract"
	"github.com/proxyspec/proxyspec/conformance/result"
	"github.com/proxyspec/proxyspec/conformance/runner"
	"github.com/proxyspec/proxyspec/conformance/world"
	"github.com/proxyspec/proxyspec/fakes/sdrtn"
)

// first is the name of the client that a user has when nothing is said about clients.
const first = "first"

func (s *scene) clientSteps() []runner.Definition {
	return []runner.Definition{
		{
			Expr: `^(\w+) creates a client with the company's (proxyServer|turnServer|proxyServer and turnServer)$`,
			Do: func(who, what string) error {
				p := contract.CreateClient{Mode: "live", Codec: "vp8"}
				if what != "turnServer" {
					p.ProxyServer = world.ProxyName
				}
				if what != "proxyServer" {
					var err error
					if p.TurnServer, err = json.Marshal(world.TurnServer(true)); err != nil {
						return err
					}
				}
				return s.createClient(who, p)
			},
			Says: "createClient with the company's own servers among its parameters, the TURN server with forceturn. The calls that follow use this client.",
		},
		{
			Expr: `^(\w+) creates a client in mode "(\w+)" with codec "(\w+)"$`,
			Do: func(who, mode, codec string) error {
				return s.createClient(who, contract.CreateClient{Mode: mode, Codec: codec})
			},
			Says: "createClient; the calls that follow use this client. An SDK that refuses doesn't have the mode or the codec.",
		},
		{
			Expr: `^(\w+) creates a client and inits it$`,
			Do: func(who string) error {
				if err := s.createClient(who, contract.CreateClient{Mode: "live", Codec: "vp8"}); err != nil {
					return err
				}
				u, err := s.user(who)
				if err != nil {
					return err
				}
				return s.initOnce(u)
			},
			Says: "createClient and init, without any other call.",
		},
		{
			Expr: `^alice uses her (\w+) client$`,
			Do:   s.useClient,
			Says: "The calls that follow go to this client of the same SDK. Her first client joins as alice; any other is made when it is first used, and joins as alice and its name.",
		},
		{
			Expr: `^the join of alice's (\w+) client went (direct|through the cloud proxy|through the proxy server)$`,
			Do:   s.clientJoinWent,
			Says: "By the source from which SD-RTN got the join of this client's user.",
		},
	}
}

// createClient makes a client that the scenario chose the parameters of.
func (s *scene) createClient(who string, p contract.CreateClient) error {
	u, err := s.world.Fresh(who)
	if err != nil {
		return err
	}
	err = u.CreateClient(p)
	var failure *result.Failure
	if c := u.Last(contract.MethodCreateClient); errors.As(err, &failure) {
		if over, failed := c.Over(); over {
			return &result.Stop{Outcome: result.NotSupported, Failure: result.Failure{
				Message: fmt.Sprintf("the SDK has no such client: %v", failed), Events: failure.Events}}
		}
	}
	return err
}

// useClient turns to another client of alice's.
func (s *scene) useClient(name string) error {
	u, err := s.user(world.Alice)
	if err != nil {
		return err
	}
	if s.clients[first] == "" {
		s.clients[first] = u.Client()
	}
	if s.clients[name] == "" {
		if err := s.createClient(world.Alice, contract.CreateClient{Mode: "live", Codec: "vp8"}); err != nil {
			return err
		}
		s.clients[name] = u.Client()
	}
	u.Use(s.clients[name])
	return nil
}

// uidOf is the user as which the client that is in use joins.
func (s *scene) uidOf(u *world.User) string {
	for name, id := range s.clients {
		if u.Name == world.Alice && id == u.Client() && name != first {
			return aliceAnd(name)
		}
	}
	return u.Name
}

func aliceAnd(client string) string { return world.Alice + "-" + client }

func (s *scene) clientJoinWent(name, way string) error {
	uid := world.Alice
	if name != first {
		uid = aliceAnd(name)
	}
	right, _ := s.way(way)
	joined := s.find(named(sdrtn.EventJoined), about(uid))
	if len(joined) > 0 && len(filter(joined, not(right))) == 0 {
		return nil
	}
	failure := &result.Failure{
		Message:  fmt.Sprintf("the join of alice's %s client did not go %s", name, way),
		Expected: "SD-RTN gets it from the other end of that way",
		Actual:   s.sources(joined),
		Events:   few(append(joined, s.failedCalls()...)),
		Decides:  firstOf(filter(joined, not(right))),
	}
	if len(joined) == 0 {
		return s.unlessOwnLookup(failure)
	}
	return failure
}
