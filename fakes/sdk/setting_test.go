package sdk

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/conformance/contract"
)

// The decision table as the requirements print it: by what is set and what is called outside a channel,
// what is set then, and whether the call errors.
var table = map[[2]string]struct {
	next   string
	errors bool
}{
	{"none", "start"}: {"cloud", false}, {"none", "setProxy"}: {"self", false}, {"none", "setTurn"}: {"self", false}, {"none", "stop"}: {"none", false},
	{"cloud", "start"}: {"cloud", false}, {"cloud", "setProxy"}: {"cloud", true}, {"cloud", "setTurn"}: {"cloud", true}, {"cloud", "stop"}: {"none", false},
	{"self", "start"}: {"self", true}, {"self", "setProxy"}: {"self", false}, {"self", "setTurn"}: {"self", false}, {"self", "stop"}: {"none", false},
}

var calls = map[string]Change{
	"start":    {Method: contract.MethodStartProxyServer},
	"stop":     {Method: contract.MethodStopProxyServer},
	"setProxy": {Method: contract.MethodSetProxyServer, Proxy: "proxy.test"},
	"setTurn":  {Method: contract.MethodSetTurnServer, Turn: []contract.TurnServer{turn}},
}

var turn = contract.TurnServer{TurnServerURL: "turn.test", Username: "u", Password: "p", UDPPort: "3478"}

func nameOf(s Setting) string {
	switch {
	case s.Cloud && (s.Proxy != "" || s.Turn != nil):
		return "mixed"
	case s.Cloud:
		return "cloud"
	case s.Proxy != "" || s.Turn != nil:
		return "self"
	}
	return "none"
}

// All 9,330 sequences of one to five calls over the four methods, join and leave.
func TestDecideFollowsTheTable(t *testing.T) {
	alphabet := []string{"start", "stop", "setProxy", "setTurn", "join", "leave"}
	sequences := 0
	var walk func(sequence []string, in bool, s Setting, want string)
	walk = func(sequence []string, in bool, s Setting, want string) {
		if len(sequence) == 5 {
			return
		}
		for _, call := range alphabet {
			sequences++
			path := append(sequence[:len(sequence):len(sequence)], call)
			nextIn, next, nextWant := in, s, want
			switch call {
			case "join", "leave":
				nextIn = call == "join"
			default:
				var err error
				next, err = Decide(in, s, calls[call])
				wantErr := in
				if !in {
					cell := table[[2]string{want, call}]
					nextWant, wantErr = cell.next, cell.errors
				}
				if (err != nil) != wantErr || nameOf(next) != nextWant {
					t.Fatalf("%s: set is %s, want %s; error is %v, want one: %v",
						strings.Join(path, ", "), nameOf(next), nextWant, err, wantErr)
				}
			}
			walk(path, nextIn, next, nextWant)
		}
	}
	walk(nil, false, Setting{}, "none")
	require.Equal(t, 9330, sequences)
}

func TestDecideKeepsBothOfOnesOwn(t *testing.T) {
	for _, order := range [][]string{{"setProxy", "setTurn"}, {"setTurn", "setProxy"}} {
		s := Setting{}
		for _, call := range order {
			var err error
			s, err = Decide(false, s, calls[call])
			require.NoError(t, err)
		}
		require.Equal(t, Setting{Proxy: "proxy.test", Turn: []contract.TurnServer{turn}}, s)
		_, err := Decide(false, s, calls["start"])
		require.ErrorContains(t, err, CodeProxyConflict)
	}
}

func TestDecideChecksParameters(t *testing.T) {
	with := func(change func(*contract.TurnServer)) Change {
		c := turn
		change(&c)
		return Change{Method: contract.MethodSetTurnServer, Turn: []contract.TurnServer{c}}
	}
	proxy := func(p string) Change { return Change{Method: contract.MethodSetProxyServer, Proxy: p} }
	tests := []struct {
		name   string
		change Change
		bad    bool
	}{
		{"proxy of 1 byte", proxy("p"), false},
		{"proxy of 255 bytes", proxy(strings.Repeat("p", 255)), false},
		{"empty proxy", proxy(""), true},
		{"proxy of 256 bytes", proxy(strings.Repeat("p", 256)), true},
		{"proxy not ASCII", proxy("prüfung.test"), true},
		{"no TURN server", Change{Method: contract.MethodSetTurnServer}, true},
		{"both ports", with(func(t *contract.TurnServer) { t.TCPPort = "3433" }), false},
		{"highest port", with(func(t *contract.TurnServer) { t.UDPPort = "65535" }), false},
		{"no URL", with(func(t *contract.TurnServer) { t.TurnServerURL = "" }), true},
		{"no username", with(func(t *contract.TurnServer) { t.Username = "" }), true},
		{"long password", with(func(t *contract.TurnServer) { t.Password = strings.Repeat("p", 256) }), true},
		{"username not ASCII", with(func(t *contract.TurnServer) { t.Username = "ü" }), true},
		{"no UDP port", with(func(t *contract.TurnServer) { t.UDPPort = "" }), true},
		{"UDP port with letters", with(func(t *contract.TurnServer) { t.UDPPort = "34x" }), true},
		{"UDP port 0", with(func(t *contract.TurnServer) { t.UDPPort = "0" }), true},
		{"UDP port 65536", with(func(t *contract.TurnServer) { t.UDPPort = "65536" }), true},
		{"negative UDP port", with(func(t *contract.TurnServer) { t.UDPPort = "-1" }), true},
		{"TCP port 0", with(func(t *contract.TurnServer) { t.TCPPort = "0" }), true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, err := Decide(false, Setting{}, tt.change)
			if tt.bad {
				require.ErrorContains(t, err, CodeInvalidParams)
				require.Equal(t, Setting{}, s)
			} else {
				require.NoError(t, err)
			}
		})
	}
}

func TestTurnServers(t *testing.T) {
	const one = `{"turnServerURL":"turn.test","username":"u","password":"p","udpport":"3478"`
	tests := []struct {
		raw      string
		servers  int
		force    bool
		warnings string
		bad      bool
	}{
		{raw: one + `}`, servers: 1},
		{raw: `[` + one + `},` + one + `}]`, servers: 2},
		{raw: one + `,"forceturn":true}`, servers: 1, force: true},
		{raw: one + `,"forceTurn":true}`, servers: 1, warnings: `[turnServer has a key "forceTurn", which means nothing]`},
		{raw: one + `,"forceTurn":"yes"}`, servers: 1, warnings: `[turnServer has a key "forceTurn", which means nothing]`},
		{raw: `[` + one + `}, {}]`, servers: 2},
		{raw: one + `,"forceturn":"yes"}`, bad: true},
		{raw: `{"udpport":3478}`, bad: true},
		{raw: `"turn.test"`, bad: true},
		{raw: `[1]`, bad: true},
		{raw: `null`},
	}
	for _, tt := range tests {
		t.Run(tt.raw, func(t *testing.T) {
			servers, warnings, err := turnServers(json.RawMessage(tt.raw))
			if tt.bad {
				require.ErrorContains(t, err, CodeInvalidParams)
				return
			}
			require.NoError(t, err)
			require.Len(t, servers, tt.servers)
			if tt.warnings == "" {
				tt.warnings = "[]"
			}
			require.Equal(t, tt.warnings, fmt.Sprint(warnings))
			if tt.servers > 0 {
				require.Equal(t, tt.force, servers[0].ForceTurn)
			}
		})
	}
}
