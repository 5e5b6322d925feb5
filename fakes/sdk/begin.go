package sdk

import (
	"encoding/json"
	"slices"

	"github.com/proxyspec/proxyspec/conformance/contract"
)

// Begin begins a call: see contract.Handler. What a call changes at once, such as the setting of the four
// methods or that a client is in a channel, has changed when Begin returns.
func (s *SDK) Begin(call *contract.Call) {
	switch call.Method {
	case contract.MethodHello:
		call.Reply(with(call, s.hello))
	case contract.MethodCreateClient:
		call.Reply(with(call, func(p contract.CreateClient) (contract.CreateClientResult, error) {
			return s.createClient(p, call.Line())
		}))
	case contract.MethodReset, contract.MethodShutdown:
		if !s.tasks.Go(func() { s.reset(); call.Reply(nil, nil) }) {
			call.Reply(nil, errClosed)
		}
	default:
		if call.Method != contract.MethodMute && !slices.Contains(contract.Methods(), call.Method) {
			call.Reply(nil, contract.NotSupported(call.Method))
			return
		}
		c, err := with(call, func(p contract.ClientCall) (*client, error) { return s.client(p.Client) })
		if err == nil {
			err = c.begin(call)
		}
		if err != nil {
			call.Reply(nil, err)
		}
	}
}

// begin begins a call on a client. An error is the call's outcome; otherwise it is replied to now or later.
func (c *client) begin(call *contract.Call) error {
	later := func(err error) { call.Reply(nil, err) }
	switch call.Method {
	case contract.MethodStartProxyServer, contract.MethodStopProxyServer:
		return now(call, func(contract.ClientCall) error { return c.change(Change{Method: call.Method}) })
	case contract.MethodSetProxyServer:
		return now(call, func(p contract.SetProxyServer) error {
			return c.change(Change{Method: call.Method, Proxy: p.ProxyServer})
		})
	case contract.MethodSetTurnServer:
		return now(call, func(p contract.SetTurnServer) error { return c.setTurnServer(p.TurnServer) })
	case contract.MethodInit:
		return now(call, func(p contract.Init) error { return c.init(p.AppID) })
	case contract.MethodStats:
		call.Reply(c.stats(), nil)
		return nil
	case contract.MethodJoin:
		return begun(call, func(p contract.Join) error {
			return c.join(p, func(uid string, err error) { call.Reply(contract.JoinResult{UID: uid}, err) })
		})
	case contract.MethodLeave:
		return begun(call, func(contract.ClientCall) error { return c.leave(func() { later(nil) }) })
	case contract.MethodSend:
		return begun(call, func(p contract.Send) error { return c.send(p.Text, later) })
	case contract.MethodPublish:
		return begun(call, func(p contract.Publish) error {
			s, err := c.joined(call.Method)
			if err != nil {
				return err
			}
			return s.publish(p.Audio, p.Video, later)
		})
	case contract.MethodMute:
		return now(call, func(p contract.Mute) error {
			s, err := c.joined(call.Method)
			if err != nil {
				return err
			}
			return s.mute(p.Audio, p.Video)
		})
	case contract.MethodSubscribe:
		return begun(call, func(p contract.Subscribe) error {
			s, err := c.joined(call.Method)
			if err != nil {
				return err
			}
			return s.subscribe(p, later)
		})
	default:
		return contract.NotSupported(call.Method)
	}
}

// setTurnServer takes what the application gave, with a warning for what it can't have meant.
func (c *client) setTurnServer(raw json.RawMessage) error {
	servers, warnings, err := turnServers(raw)
	if err != nil {
		return err
	}
	if err := c.change(Change{Method: contract.MethodSetTurnServer, Turn: servers}); err != nil {
		return err
	}
	for _, w := range warnings {
		c.event(contract.Event{Type: contract.EventWarning, Reason: w})
	}
	return nil
}

// with binds a call's parameters for f.
func with[P, R any](call *contract.Call, f func(P) (R, error)) (result R, err error) {
	var p P
	if err := call.Bind(&p); err != nil {
		return result, err
	}
	return f(p)
}

// begun runs a call that is replied to later, unless it can't begin.
func begun[P any](call *contract.Call, f func(P) error) error {
	_, err := with(call, func(p P) (struct{}, error) { return struct{}{}, f(p) })
	return err
}

// now runs a call that ends at once.
func now[P any](call *contract.Call, f func(P) error) error {
	err := begun(call, f)
	if err == nil {
		call.Reply(nil, nil)
	}
	return err
}
