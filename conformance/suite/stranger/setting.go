package stranger

import (
	"encoding/json"
	"fmt"
	"net"
	"strconv"
	"strings"

	"github.com/pion/webrtc/v4"

	"github.com/proxyspec/proxyspec/conformance/contract"
)

// setting is what the four methods have set.
type setting struct {
	cloud bool
	proxy string       // of setProxyServer
	turn  []turnServer // of setTurnServer
}

func (s setting) own() bool { return s.proxy != "" || len(s.turn) > 0 }

type turnServer struct {
	ice   webrtc.ICEServer
	force bool
}

func invalid(format string, args ...any) error {
	return contract.SDKError("INVALID_PARAMETER", fmt.Sprintf(format, args...))
}

// checkText holds a text to 1 to 255 bytes of ASCII.
func (s *SDK) checkText(key, text string) error {
	limit, least := 255, 1
	switch s.twist {
	case "a-byte-too-many":
		limit = 256
	case "a-byte-too-few":
		limit = 254
	case "empty-texts":
		least = 0
	case "passwords-of-any-kind":
		if key == "password" {
			return nil
		}
	case "letters-of-any-kind":
		return nil
	}
	if len(text) < least || len(text) > limit {
		return invalid("%s has %d bytes, not 1 to 255", key, len(text))
	}
	for _, b := range []byte(text) {
		if b > 127 {
			return invalid("%s is not ASCII", key)
		}
	}
	return nil
}

// port reads a string of digits.
func (s *SDK) port(key, digits string) error {
	switch {
	case s.has("ports-by-atoi"): // which takes a sign
		if n, err := strconv.Atoi(digits); err == nil && n > 0 && n < 65536 {
			return nil
		}
	case s.has("ports-by-parse-int"): // as JavaScript's, which stops at what is no digit
		digits = digits[:len(digits)-len(strings.TrimLeft(digits, "0123456789"))]
	case s.has("ports-trimmed"):
		digits = strings.TrimSpace(digits)
	case s.has("ports-of-any-size"):
		if n, err := strconv.Atoi(digits); err == nil && n > 65535 {
			return nil
		}
	}
	for _, d := range digits {
		if d < '0' || d > '9' {
			return invalid("%s %q is not a number", key, digits)
		}
	}
	if n, err := strconv.Atoi(digits); err != nil || n < 1 || n > 65535 {
		return invalid("%s %q is not from 1 to 65535", key, digits)
	}
	return nil
}

// turnServers reads what setTurnServer takes, and names the keys that it doesn't know.
func (s *SDK) turnServers(raw json.RawMessage) (servers []turnServer, unknown []string, err error) {
	var list []map[string]json.RawMessage
	if one := map[string]json.RawMessage{}; json.Unmarshal(raw, &one) == nil {
		list = append(list, one)
	} else if s.has("objects-only") || json.Unmarshal(raw, &list) != nil || len(list) == 0 {
		return nil, nil, invalid("turnServer is neither an object nor an array of them")
	}
	for _, one := range list {
		server, odd, err := s.turnServer(one)
		if err != nil {
			return nil, nil, err
		}
		servers, unknown = append(servers, server), append(unknown, odd...)
	}
	if s.has("first-of-array") {
		servers = servers[:1]
	}
	return servers, unknown, nil
}

// turnServer reads one server. encoding/json would take a key in any case for a struct's, so it is read by hand.
func (s *SDK) turnServer(keys map[string]json.RawMessage) (server turnServer, unknown []string, err error) {
	var p contract.TurnServer
	fields := map[string]any{
		"turnServerURL": &p.TurnServerURL, "username": &p.Username, "password": &p.Password,
		"udpport": &p.UDPPort, "tcpport": &p.TCPPort, "forceturn": &p.ForceTurn,
	}
	for key, value := range keys {
		if s.has("keys-of-any-case") && strings.EqualFold(key, "forceturn") {
			key = "forceturn"
		}
		if fields[key] == nil {
			unknown = append(unknown, key)
		} else if err := json.Unmarshal(value, fields[key]); err != nil {
			return server, nil, invalid("%s: %v", key, err)
		}
	}
	for key, text := range map[string]string{"turnServerURL": p.TurnServerURL, "username": p.Username, "password": p.Password} {
		if err := s.checkText(key, text); err != nil {
			return server, nil, err
		}
	}
	if err := s.port("udpport", p.UDPPort); err != nil {
		return server, nil, err
	}
	server.force = p.ForceTurn != s.has("forced-unless-told") && !s.has("never-forced")
	server.ice = webrtc.ICEServer{Username: p.Username, Credential: p.Password}
	server.ice.URLs = append(server.ice.URLs, "turn:"+net.JoinHostPort(p.TurnServerURL, p.UDPPort)+"?transport=udp")
	if _, given := keys["tcpport"]; given && !s.has("udp-ports-only") {
		if err := s.port("tcpport", p.TCPPort); err != nil {
			return server, nil, err
		}
		server.ice.URLs = append(server.ice.URLs, "turn:"+net.JoinHostPort(p.TurnServerURL, p.TCPPort)+"?transport=tcp")
	}
	return server, unknown, nil
}
