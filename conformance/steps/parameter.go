package steps

import (
	"encoding/json"
	"strconv"
	"strings"

	"github.com/cucumber/godog"

	"github.com/proxyspec/proxyspec/conformance/contract"
	"github.com/proxyspec/proxyspec/conformance/result"
	"github.com/proxyspec/proxyspec/conformance/runner"
	"github.com/proxyspec/proxyspec/conformance/world"
)

// parameterSteps call the set methods with whatever a scenario wants to try.
func (s *scene) parameterSteps() []runner.Definition {
	return []runner.Definition{
		{
			Expr: `^alice calls setProxyServer with ("[^"]*"|\d+ bytes)$`,
			Do: func(value string) error {
				proxy, err := text(value)
				if err != nil {
					return err
				}
				return s.call(world.Alice, contract.MethodSetProxyServer, func(client string) any {
					return contract.SetProxyServer{Client: client, ProxyServer: proxy}
				})
			},
			Says: "Bytes are letters with dots between them, as in a host name.",
		},
		{
			Expr: `^alice calls setTurnServer with (turnServerURL|username|password|udpport|tcpport) ("[^"]*"|\d+ bytes)$`,
			Do: func(key, value string) error {
				written, err := text(value)
				if err != nil {
					return err
				}
				return s.setTurnServer(func(server map[string]any) { server[key] = written })
			},
			Says: "Every other key has the value that the company's TURN server needs.",
		},
		{
			Expr: `^alice calls setTurnServer without (udpport|tcpport)$`,
			Do: func(key string) error {
				return s.setTurnServer(func(server map[string]any) { delete(server, key) })
			},
			Says: "Every other key has the value that the company's TURN server needs.",
		},
		{
			Expr: `^alice calls setTurnServer with the company's server (as an object|in an array|in an array, (?:behind|before) one that is silent)$`,
			Do:   s.setTurnServerAs,
			Says: "With forceturn, so that it is seen to be used.",
		},
		{
			Expr: `^alice calls setTurnServer with:$`,
			Do: func(value *godog.DocString) error {
				if !json.Valid([]byte(value.Content)) {
					return result.Mistake("the text below the step is not JSON")
				}
				return s.setTurnServerTo(json.RawMessage(value.Content))
			},
			Says: "The JSON text goes to the SDK as it is.",
		},
	}
}

// text is a value as steps write it: in quotation marks, or as a number of bytes.
func text(value string) (string, error) {
	count, isCount := strings.CutSuffix(value, " bytes")
	if !isCount {
		return strings.Trim(value, `"`), nil
	}
	const most = 1_000_000
	n, err := strconv.Atoi(count)
	if err != nil || n > most {
		return "", result.Mistake("%s are too many: write at most %d", value, most)
	}
	const label = 64 // the longest that a name may have (RFC 1035, section 2.3.4), and a dot
	long := []byte(strings.Repeat("a", n))
	for i := label - 1; i < n; i += label {
		long[min(i, n-2)] = '.' // none at the end
	}
	return string(long), nil
}

// setTurnServer calls the method with the company's TURN server, changed.
func (s *scene) setTurnServer(change func(map[string]any)) error {
	text, err := json.Marshal(world.TurnServer(false))
	if err != nil {
		return err
	}
	server := map[string]any{}
	if err := json.Unmarshal(text, &server); err != nil {
		return err
	}
	change(server)
	if text, err = json.Marshal(server); err != nil {
		return err
	}
	return s.setTurnServerTo(text)
}

func (s *scene) setTurnServerAs(how string) error {
	server := world.TurnServer(true)
	silent := server
	silent.UDPPort, silent.TCPPort = "3999", ""
	var value any
	switch how {
	case "as an object":
		value = server
	case "in an array":
		value = []contract.TurnServer{server}
	case "in an array, before one that is silent":
		value = []contract.TurnServer{server, silent}
	default:
		value = []contract.TurnServer{silent, server}
	}
	text, err := json.Marshal(value)
	if err != nil {
		return err
	}
	return s.setTurnServerTo(text)
}

func (s *scene) setTurnServerTo(server json.RawMessage) error {
	return s.call(world.Alice, contract.MethodSetTurnServer, func(client string) any {
		return contract.SetTurnServer{Client: client, TurnServer: server}
	})
}
