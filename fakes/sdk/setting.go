package sdk

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/proxyspec/proxyspec/conformance/contract"
)

// Setting is what the four methods of a client have set, for its next join. The zero Setting is no proxy.
// Cloud and the other two never are set together.
type Setting struct {
	Cloud bool                  // startProxyServer: the cloud proxy
	Proxy string                // setProxyServer: a reverse proxy of one's own, "host" or "host:port"
	Turn  []contract.TurnServer // setTurnServer: TURN servers of one's own
}

// Change is a call of one of the four methods.
type Change struct {
	Method string // contract.MethodStartProxyServer, ...
	Proxy  string
	Turn   []contract.TurnServer
}

// Decide is the decision table of the four methods: what a change makes of a setting. in says whether the
// client has called join and not yet leave. A refused change leaves the setting as it was.
func Decide(in bool, s Setting, c Change) (Setting, error) {
	if in {
		return s, contract.SDKError(CodeInvalidOperation, c.Method+" must be called before join() or after leave()")
	}
	self := s.Proxy != "" || s.Turn != nil
	switch c.Method {
	case contract.MethodStopProxyServer:
		return Setting{}, nil
	case contract.MethodStartProxyServer:
		if self {
			return s, contract.SDKError(CodeProxyConflict, "startProxyServer cannot be used together with setProxyServer or setTurnServer")
		}
		s.Cloud = true
		return s, nil
	}
	if s.Cloud {
		return s, contract.SDKError(CodeProxyConflict, c.Method+" cannot be used together with startProxyServer")
	}
	if err := c.check(); err != nil {
		return s, err
	}
	if c.Method == contract.MethodSetProxyServer {
		s.Proxy = c.Proxy
	} else {
		s.Turn = c.Turn
	}
	return s, nil
}

// check is what the typings demand of the parameters.
func (c Change) check() error {
	if c.Method == contract.MethodSetProxyServer {
		return checkText("proxyServer", c.Proxy)
	}
	if len(c.Turn) == 0 {
		return invalid("turnServer is empty")
	}
	for _, t := range c.Turn {
		for _, err := range []error{
			checkText("turnServerURL", t.TurnServerURL),
			checkText("username", t.Username),
			checkText("password", t.Password),
			checkPort("udpport", t.UDPPort),
		} {
			if err != nil {
				return err
			}
		}
		if t.TCPPort != "" {
			if err := checkPort("tcpport", t.TCPPort); err != nil {
				return err
			}
		}
	}
	return nil
}

func checkText(name, text string) error {
	if len(text) < 1 || len(text) > 255 {
		return invalid("%s has %d bytes; 1 to 255 are allowed", name, len(text))
	}
	for _, c := range []byte(text) {
		if c >= 0x80 {
			return invalid("%s has characters that are not ASCII", name)
		}
	}
	return nil
}

func checkPort(name, digits string) error {
	for _, c := range digits {
		if c < '0' || c > '9' {
			return invalid("%s is %q; only digits are allowed", name, digits)
		}
	}
	if port, err := strconv.Atoi(digits); err != nil || port < 1 || port > 65535 {
		return invalid("%s is %q; 1 to 65535 are allowed", name, digits)
	}
	return nil
}

func invalid(format string, args ...any) error {
	return contract.SDKError(CodeInvalidParams, fmt.Sprintf(format, args...))
}

// turnServers reads what an application gave as TURN server: an object or an array of them. The warnings
// name the keys that mean nothing.
func turnServers(raw json.RawMessage) (servers []contract.TurnServer, warnings []string, err error) {
	var objects []map[string]json.RawMessage
	if one := map[string]json.RawMessage{}; json.Unmarshal(raw, &one) == nil && one != nil {
		objects = append(objects, one)
	} else if json.Unmarshal(raw, &objects) != nil {
		return nil, nil, invalid("turnServer is neither an object nor an array of objects")
	}
	for _, object := range objects {
		var t contract.TurnServer
		// By hand, because encoding/json takes forceTurn for forceturn.
		fields := map[string]any{
			"turnServerURL": &t.TurnServerURL, "username": &t.Username, "password": &t.Password,
			"udpport": &t.UDPPort, "tcpport": &t.TCPPort, "forceturn": &t.ForceTurn,
		}
		for _, key := range slices.Sorted(maps.Keys(object)) {
			if fields[key] == nil {
				warnings = append(warnings, fmt.Sprintf("turnServer has a key %q, which means nothing", key))
			} else if err := json.Unmarshal(object[key], fields[key]); err != nil {
				return nil, nil, invalid("turnServer: %s is %s: %v", key, object[key], err)
			}
		}
		servers = append(servers, t)
	}
	return servers, warnings, nil
}
