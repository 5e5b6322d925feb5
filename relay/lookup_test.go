package relay_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/relay"
)

const goodLookup = `{"appId":"app","sdkVersion":"2.5.1","region":"NA","channel":"town-hall","uid":"7"}`

func TestLookupAnswersWithTheWayThrough(t *testing.T) {
	w := onLoopback(t, nil)
	a, r := w.look(t, goodLookup)
	require.Nil(t, r)
	require.Len(t, a.Session, 16)
	require.WithinDuration(t, time.Now().Add(24*time.Hour), a.Expires, time.Minute)
	require.Len(t, a.Relays, 2)
	require.Len(t, a.ICEServers, 2)
	require.Len(t, a.MessageURLs, 4)
	for i, site := range a.Relays {
		require.Equal(t, "127.0.0.1", site.Address)
		for _, ports := range [][]int{site.MessagePorts, site.UDPPorts, site.TCPPorts} {
			require.Len(t, ports, 2)
			require.NotContains(t, ports, 0)
		}
		require.Equal(t, []string{
			fmt.Sprintf("turn:127.0.0.1:%d?transport=udp", site.UDPPorts[0]),
			fmt.Sprintf("turn:127.0.0.1:%d?transport=tcp", site.TCPPorts[0]),
		}, a.ICEServers[i].URLs)
		require.Equal(t, fmt.Sprintf("%d:%s", a.Expires.Unix(), a.Session), a.ICEServers[i].Username)
		for j, port := range site.MessagePorts {
			prefix := fmt.Sprintf("wss://127.0.0.1:%d/v1/messages?session=", port)
			require.True(t, strings.HasPrefix(a.MessageURLs[2*j+i], prefix), "%s", a.MessageURLs)
		}
	}

	received, answered := w.await(relay.EventLookupReceived, 1), w.await(relay.EventLookupAnswered, 1)
	require.Equal(t, "edge-1", answered.Node)
	require.Equal(t, relay.PurposeLookup, answered.Purpose)
	require.Equal(t, received.From, answered.From)
	require.Equal(t, a.Session, answered.Session)
	require.Equal(t, [3]string{"app", "town-hall", "7"}, [3]string{received.AppID, received.Channel, received.User})
	require.NotZero(t, answered.Bytes)
}

func TestLookupRefusals(t *testing.T) {
	w := onLoopback(t, nil)
	long := strings.Repeat("x", relay.MaxField+1)
	for name, test := range map[string]struct {
		method, path, kind, body string
		status                   int
		code, message            string
	}{
		"another path":         {path: "/", status: 404, code: relay.CodeNotFound},
		"GET":                  {method: "GET", status: 405, code: relay.CodeMethod, message: "GET"},
		"a form":               {kind: "application/x-www-form-urlencoded", status: 415, code: relay.CodeMediaType},
		"no content type":      {kind: "-", status: 415, code: relay.CodeMediaType},
		"too large":            {body: goodLookup + strings.Repeat(" ", relay.MaxRequest), status: 413, code: relay.CodeTooLarge},
		"nothing":              {body: " ", code: relay.CodeMalformed, message: "not a JSON object"},
		"an array":             {body: "[]", code: relay.CodeMalformed, message: "not a JSON object"},
		"half an object":       {body: `{"appId":"app"`, code: relay.CodeMalformed, message: "not JSON"},
		"two values":           {body: goodLookup + "{}", code: relay.CodeMalformed, message: "more than one"},
		"rubbish after it":     {body: goodLookup + "x", code: relay.CodeMalformed, message: "more than one"},
		"not UTF-8":            {body: "{\"appId\":\"\xff\"}", code: relay.CodeMalformed, message: "UTF-8"},
		"an unknown field":     {body: `{"appID":"app"}`, code: relay.CodeMalformed, message: `"appID"`},
		"a field twice":        {body: `{"appId":"app","appId":"app"}`, code: relay.CodeMalformed, message: `"appId"`},
		"a number":             {body: `{"uid":7}`, code: relay.CodeMalformed, message: `"uid"`},
		"null":                 {body: `{"uid":null}`, code: relay.CodeMalformed, message: `"uid"`},
		"an object in it":      {body: `{"uid":{}}`, code: relay.CodeMalformed, message: `"uid"`},
		"an overlong field":    {body: `{"uid":"` + long + `"}`, code: relay.CodeMalformed, message: `"uid"`},
		"no appId":             {body: `{"sdkVersion":"2.5.1","channel":"c"}`, code: relay.CodeMalformed, message: `"appId"`},
		"no channel":           {body: `{"sdkVersion":"2.5.1","appId":"app"}`, code: relay.CodeMalformed, message: `"channel"`},
		"no version":           {body: `{"appId":"app","channel":"c"}`, code: relay.CodeVersionMalformed},
		"half a version":       {body: `{"appId":"app","channel":"c","sdkVersion":"2.5"}`, code: relay.CodeVersionMalformed, message: `"2.5"`},
		"an old version":       {body: `{"appId":"app","channel":"c","sdkVersion":"2.5.0"}`, status: 403, code: relay.CodeVersionUnsupported, message: "2.5.0"},
		"an unknown App ID":    {body: `{"appId":"who","channel":"c","sdkVersion":"2.5.1"}`, status: 403, code: relay.CodeNotProvisioned, message: `"who"`},
		"someone else's place": {body: `{"appId":"app","channel":"c","sdkVersion":"2.5.1","region":"CN"}`, status: 403, code: relay.CodeRegion, message: `"CN"`},
	} {
		t.Run(name, func(t *testing.T) {
			if test.method == "" {
				test.method = "POST"
			}
			if test.status == 0 {
				test.status = 400
			}
			switch test.kind {
			case "":
				test.kind = "application/json; charset=utf-8"
			case "-":
				test.kind = ""
			}
			url := w.lookup
			if test.path != "" {
				url = strings.TrimSuffix(url, relay.LookupPath) + test.path
			}
			before := len(w.seen(relay.EventLookupRefused))
			resp, body := w.ask(t, test.method, url, test.kind, test.body)
			r := refusal(t, resp, body)
			require.Equal(t, test.status, r.status)
			require.Equal(t, test.code, r.Error.Code)
			require.Contains(t, r.Error.Message, test.message)
			require.Equal(t, "*", r.header.Get("Access-Control-Allow-Origin"))
			require.Equal(t, test.status == 405, r.header.Get("Allow") != "")
			logged := w.seen(relay.EventLookupRefused)[before:]
			require.Len(t, logged, 1)
			require.Equal(t, test.code, logged[0].Code)
		})
	}
	require.Empty(t, w.seen(relay.EventLookupAnswered))
}

func TestLookupWithoutRandomness(t *testing.T) {
	w := onLoopback(t, func(cfg *relay.Config) { cfg.Rand = strings.NewReader("8 bytes.") })
	w.mustLook(t, "app", "7")
	_, r := w.look(t, goodLookup)
	require.Equal(t, 500, r.status)
	require.Equal(t, relay.CodeInternal, r.Error.Code)
}

func TestLookupPreflight(t *testing.T) {
	w := onLoopback(t, nil)
	resp, _ := w.ask(t, "OPTIONS", w.lookup, "", "")
	require.Equal(t, http.StatusNoContent, resp.StatusCode)
	require.Equal(t, "*", resp.Header.Get("Access-Control-Allow-Origin"))
	require.Equal(t, "POST", resp.Header.Get("Access-Control-Allow-Methods"))
	require.Equal(t, "Content-Type", resp.Header.Get("Access-Control-Allow-Headers"))
	require.Empty(t, w.seen(relay.EventLookupReceived))
}

// Packet lengths must not depend on what was drawn, or two runs of one scenario would differ.
func TestAnswersOfOneChannelAreAlikeButForTheirSecrets(t *testing.T) {
	w := onLoopback(t, nil)
	one, two := w.mustLook(t, "app", "7"), w.mustLook(t, "app", "8")
	require.NotEqual(t, one.Session, two.Session)
	require.Equal(t, one.Relays, two.Relays)
	for i := range one.MessageURLs {
		require.Len(t, one.MessageURLs[i], len(two.MessageURLs[i]))
	}
	for i := range one.ICEServers {
		require.Len(t, one.ICEServers[i].Credential, len(two.ICEServers[i].Credential))
	}
	logged := w.seen(relay.EventLookupAnswered)
	require.Equal(t, logged[0].Bytes, logged[1].Bytes)
}

func TestChannelsSpreadOverRelays(t *testing.T) {
	w := onLoopback(t, nil)
	first := make(map[int]int)
	for i := range 32 {
		a, r := w.look(t, fmt.Sprintf(`{"appId":"app","sdkVersion":"2.5.1","channel":"room-%d"}`, i))
		require.Nil(t, r)
		first[a.Relays[0].UDPPorts[0]]++
	}
	require.Len(t, first, 2, "every relay comes first for some channel: %v", first)
}

func TestStalledRequestIsCut(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, w *world) {
		for _, sent := range []string{"", "POST /v1/lookup HTTP/1.1\r\nHost: x\r\n",
			"POST /v1/lookup HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{"} {
			conn := w.tls(t, w.lookup)
			_, err := conn.Write([]byte(sent))
			require.NoError(t, err)
			began := time.Now()
			for err == nil {
				_, err = conn.Read(make([]byte, 4096))
			}
			require.LessOrEqual(t, time.Since(began), 11*time.Second)
			synctest.Wait()
		}
	})
}
