package relay_test

import (
	"bufio"
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/relay"
)

func TestMessagesPassUnchanged(t *testing.T) {
	w := onLoopback(t, nil)
	a := w.mustLook(t, "app", "7")
	for _, target := range a.MessageURLs {
		ws := w.mustOpen(t, target)
		big := make([]byte, relay.MaxMessage)
		rand.Read(big)
		for _, message := range []struct {
			kind    websocket.MessageType
			content []byte
		}{
			{websocket.MessageText, []byte("Добрый день")},
			{websocket.MessageBinary, []byte{0, 1, 2, 255}},
			{websocket.MessageText, []byte{}},
			{websocket.MessageBinary, big},
			{websocket.MessageText, []byte(`{"type":"join"}   `)},
		} {
			require.NoError(t, ws.Write(t.Context(), message.kind, message.content))
			kind, content, err := ws.Read(t.Context())
			require.NoError(t, err)
			require.Equal(t, message.kind, kind)
			require.Equal(t, message.content, content)
		}
		require.NoError(t, ws.Close(websocket.StatusNormalClosure, ""))
	}

	closed := w.await(relay.EventMessagesClosed, len(a.MessageURLs))
	require.Empty(t, closed.Code)
	opened := w.seen(relay.EventMessagesOpened)[0]
	require.Equal(t, a.Session, opened.Session)
	require.Equal(t, [3]string{"app", "town-hall", "7"}, [3]string{opened.AppID, opened.Channel, opened.User})
	require.Equal(t, strings.TrimSuffix(strings.TrimPrefix(w.gateway.url, "wss://"), "/v1/channel"), opened.Peer.String())
	require.NotEqual(t, opened.To, opened.Relayed)
	require.Len(t, w.seen(relay.EventMessagesUp), 5*len(a.MessageURLs))
	require.Len(t, w.seen(relay.EventMessagesDown), 5*len(a.MessageURLs))
	require.Equal(t, 5, closed.Up.Count)
	require.Equal(t, relay.MaxMessage+4+21+18, closed.Up.Bytes)
	require.Equal(t, closed.Up, closed.Down)
}

func TestMessageRefusals(t *testing.T) {
	w := onLoopback(t, nil)
	good := w.mustLook(t, "app", "7").MessageURLs[0]
	base, token, _ := strings.Cut(good, "=")
	for name, test := range map[string]struct {
		target, code string
		status       int
	}{
		"another path":  {strings.Replace(good, relay.MessagesPath, "/", 1), relay.CodeNotFound, 404},
		"no session":    {strings.TrimSuffix(base, "?session"), relay.CodeSession, 401},
		"not a session": {base + "=x", relay.CodeSession, 401},
		"half of one":   {base + "=" + token[:len(token)-1], relay.CodeSession, 401},
	} {
		t.Run(name, func(t *testing.T) {
			before := len(w.seen(relay.EventMessagesRefused))
			_, r := w.open(t, test.target)
			require.Equal(t, test.status, r.status)
			require.Equal(t, test.code, r.Error.Code)
			logged := w.seen(relay.EventMessagesRefused)[before:]
			require.Len(t, logged, 1)
			require.Equal(t, test.code, logged[0].Code)
			require.NotContains(t, logged[0].Detail, token)
		})
	}
	require.Empty(t, w.seen(relay.EventMessagesOpened))
}

// What can't become a WebSocket is refused by name, and no gateway hears of it.
func TestHandshakesThatAreNone(t *testing.T) {
	w := onLoopback(t, nil)
	u, err := url.Parse(w.mustLook(t, "app", "7").MessageURLs[0])
	require.NoError(t, err)
	const key = "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
	for name, with := range map[string]struct{ version, headers string }{
		"HTTP/1.0": {"1.0", key},
		"two keys": {"1.1", key + key},
		"no key":   {"1.1", ""},
	} {
		t.Run(name, func(t *testing.T) {
			conn, err := tls.Dial("tcp", u.Host, &tls.Config{RootCAs: w.trust})
			require.NoError(t, err)
			defer conn.Close()
			_, err = fmt.Fprintf(conn, "GET %s HTTP/%s\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
				"Sec-WebSocket-Version: 13\r\n%s\r\n", u.RequestURI(), with.version, u.Host, with.headers)
			require.NoError(t, err)
			resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
			require.NoError(t, err)
			body, err := io.ReadAll(resp.Body)
			require.NoError(t, err)
			require.Equal(t, relay.CodeUpgrade, refusal(t, resp, body).Error.Code)
		})
	}
	require.Empty(t, w.seen(relay.EventMessagesOpened))
}

// A browser's script can't see why a handshake was refused, but it can fetch the URL.
func TestBrowserMayFetchTheRefusal(t *testing.T) {
	w := onLoopback(t, nil)
	good := "https" + strings.TrimPrefix(w.mustLook(t, "small", "7").MessageURLs[0], "wss")
	rival := w.mustLook(t, "small", "8").MessageURLs[0]

	resp, body := w.ask(t, "GET", good, "", "")
	r := refusal(t, resp, body)
	require.Equal(t, 426, r.status)
	require.Equal(t, relay.CodeUpgrade, r.Error.Code)
	require.Equal(t, "websocket", r.header.Get("Upgrade"))
	require.Equal(t, "*", r.header.Get("Access-Control-Allow-Origin"))

	w.mustOpen(t, rival)
	resp, body = w.ask(t, "GET", good, "", "")
	require.Equal(t, relay.CodeScale, refusal(t, resp, body).Error.Code)

	resp, body = w.ask(t, "POST", good, "", "")
	r = refusal(t, resp, body)
	require.Equal(t, relay.CodeMethod, r.Error.Code)
	require.Equal(t, "GET", r.header.Get("Allow"))
}

func TestSessionsExpireForWhatBeginsOnly(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, w *world) {
		a := w.mustLook(t, "app", "7")
		time.Sleep(time.Until(a.Expires) - time.Second)
		ws := w.mustOpen(t, a.MessageURLs[0])
		go drainUntilClosed(ws)
		time.Sleep(time.Second)
		_, r := w.open(t, a.MessageURLs[0])
		require.Equal(t, 401, r.status)
		require.Equal(t, relay.CodeSession, r.Error.Code)
		time.Sleep(time.Hour)
		send(t, ws, "still here")
		w.await(relay.EventMessagesDown, 1)
		require.NoError(t, ws.CloseNow())
	})
}

func TestGatewayDown(t *testing.T) {
	w := onLoopback(t, nil)
	a := w.mustLook(t, "small", "7")
	w.gateway.stop()
	for range 2 { // the refused attempt takes no slot
		_, r := w.open(t, a.MessageURLs[0])
		require.Equal(t, 502, r.status)
		require.Equal(t, relay.CodeUpstream, r.Error.Code)
		require.Equal(t, "1", r.header.Get("Retry-After"))
	}
	b, r := w.look(t, `{"appId":"small","sdkVersion":"2.5.1","channel":"town-hall","uid":"8"}`)
	require.Nil(t, r)
	require.NotNil(t, b)
}

func TestNextGatewayTakesOver(t *testing.T) {
	w := onLoopback(t, func(cfg *relay.Config) {
		live := cfg.Gateways[0].URL
		cfg.Gateways = []relay.GatewaySite{{Name: "dead", URL: "wss://127.0.0.1:1/v1/channel"}, {Name: "live", URL: live}}
	})
	for i := range 8 { // some channels begin at the dead one
		a, r := w.look(t, `{"appId":"app","sdkVersion":"2.5.1","channel":"room-`+string(rune('a'+i))+`"}`)
		require.Nil(t, r)
		ws := w.mustOpen(t, a.MessageURLs[0])
		send(t, ws, "hello")
		require.Equal(t, "hello", receive(t, ws))
	}
	for _, opened := range w.seen(relay.EventMessagesOpened) {
		require.Contains(t, opened.Detail, "live")
	}
}

func TestUntrustedGatewayIsDown(t *testing.T) {
	w := onLoopback(t, func(cfg *relay.Config) { cfg.GatewayTLS = nil })
	_, r := w.open(t, w.mustLook(t, "app", "7").MessageURLs[0])
	require.Equal(t, relay.CodeUpstream, r.Error.Code)
	require.Contains(t, w.await(relay.EventMessagesRefused, 1).Detail, "gateway-1: tls: failed to verify certificate")
}

// closing is how a connection ended for one that reads until it does.
func closing(ws *websocket.Conn) websocket.CloseError {
	for {
		if _, _, err := ws.Read(context.Background()); err != nil {
			var bye websocket.CloseError
			errors.As(err, &bye)
			return bye
		}
	}
}

func drainUntilClosed(ws *websocket.Conn) { closing(ws) }

func TestCloseFramesPassOn(t *testing.T) {
	for _, bye := range []websocket.CloseError{
		{Code: websocket.StatusNormalClosure, Reason: "left"},
		{Code: websocket.StatusGoingAway},
		{Code: websocket.StatusNoStatusRcvd},
		{Code: 4001, Reason: "kicked"},
	} {
		t.Run(bye.Code.String(), func(t *testing.T) {
			w := onLoopback(t, nil)
			heard := make(chan websocket.CloseError, 1)
			w.gateway.behaves(func(ws *websocket.Conn) { heard <- closing(ws) })
			ws := w.mustOpen(t, w.mustLook(t, "app", "7").MessageURLs[0])
			require.NoError(t, ws.Close(bye.Code, bye.Reason))
			require.Equal(t, bye, <-heard)
			require.Empty(t, w.await(relay.EventMessagesClosed, 1).Code)

			w.gateway.behaves(func(ws *websocket.Conn) { ws.Close(bye.Code, bye.Reason) })
			ws = w.mustOpen(t, w.mustLook(t, "app", "7").MessageURLs[0])
			require.Equal(t, bye, closing(ws))
			require.Empty(t, w.await(relay.EventMessagesClosed, 2).Code)
		})
	}
}

func TestLostSides(t *testing.T) {
	w := onLoopback(t, nil)
	heard := make(chan websocket.CloseError, 1)
	w.gateway.behaves(func(ws *websocket.Conn) { heard <- closing(ws) })
	ws := w.mustOpen(t, w.mustLook(t, "app", "7").MessageURLs[0])
	require.NoError(t, ws.CloseNow())
	require.Equal(t, websocket.CloseError{Code: websocket.StatusGoingAway, Reason: relay.ReasonClientLost}, <-heard)
	require.Equal(t, relay.CodeClientLost, w.await(relay.EventMessagesClosed, 1).Code)

	w.gateway.behaves(func(ws *websocket.Conn) { ws.CloseNow() })
	ws = w.mustOpen(t, w.mustLook(t, "app", "7").MessageURLs[0])
	require.Equal(t, websocket.CloseError{Code: relay.CloseUpstream, Reason: relay.ReasonUpstream}, closing(ws))
	require.Equal(t, relay.CodeUpstream, w.await(relay.EventMessagesClosed, 2).Code)
}

func TestMessageTooBig(t *testing.T) {
	w := onLoopback(t, nil)
	heard := make(chan websocket.CloseError, 1)
	w.gateway.behaves(func(ws *websocket.Conn) { heard <- closing(ws) })
	ws := w.mustOpen(t, w.mustLook(t, "app", "7").MessageURLs[0])
	require.NoError(t, ws.Write(t.Context(), websocket.MessageBinary, make([]byte, relay.MaxMessage+1)))
	require.Equal(t, websocket.CloseError{Code: websocket.StatusMessageTooBig, Reason: relay.ReasonTooBig}, closing(ws))
	require.Equal(t, websocket.CloseError{Code: websocket.StatusGoingAway, Reason: relay.ReasonClientLost}, <-heard)
	require.Equal(t, relay.CodeTooBig, w.await(relay.EventMessagesClosed, 1).Code)
	require.Empty(t, w.seen(relay.EventMessagesUp))

	w.gateway.behaves(func(ws *websocket.Conn) {
		ws.Write(context.Background(), websocket.MessageText, make([]byte, relay.MaxMessage+1))
		heard <- closing(ws)
	})
	ws = w.mustOpen(t, w.mustLook(t, "app", "7").MessageURLs[0])
	require.Equal(t, websocket.CloseError{Code: relay.CloseUpstream, Reason: relay.ReasonUpstream}, closing(ws))
	require.Equal(t, websocket.CloseError{Code: websocket.StatusMessageTooBig, Reason: relay.ReasonTooBig}, <-heard)
}

// A client that announces a message that is too big and never sends the rest can't hold the relay.
func TestMessageTooBigThatNeverEnds(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, w *world) {
		ws := w.mustOpen(t, w.mustLook(t, "app", "7").MessageURLs[0])
		part, err := ws.Writer(t.Context(), websocket.MessageBinary)
		require.NoError(t, err)
		_, err = part.Write(make([]byte, relay.MaxMessage+8192)) // the last few KiB stay in its buffer
		require.NoError(t, err)
		began := time.Now()
		require.Equal(t, relay.CodeTooBig, w.await(relay.EventMessagesClosed, 1).Code)
		require.LessOrEqual(t, time.Since(began), 10*time.Second)
	})
}

// While a receiver reads nothing the sender must wait, and nothing may be lost; a receiver that reads
// again within 30 s gets it all.
func TestSlowReader(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, w *world) {
		const messages = 100
		sent := make(chan int, messages)
		w.gateway.behaves(func(ws *websocket.Conn) {
			for i := range messages {
				if ws.Write(context.Background(), websocket.MessageBinary, make([]byte, 16<<10)) != nil {
					return
				}
				sent <- i
			}
			closing(ws)
		})
		ws := w.mustOpen(t, w.mustLook(t, "app", "7").MessageURLs[0])
		time.Sleep(29 * time.Second)
		require.Less(t, len(sent), 20, "the relay let the sender run ahead of a reader that doesn't read")
		for range messages {
			_, message, err := ws.Read(t.Context())
			require.NoError(t, err)
			require.Len(t, message, 16<<10)
			time.Sleep(5 * time.Second) // slow, but alive
		}
		require.NoError(t, ws.Close(websocket.StatusNormalClosure, ""))
		require.Equal(t, messages, w.await(relay.EventMessagesClosed, 1).Down.Count)
	})
}

func TestReaderThatNeverReadsIsGivenUp(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, w *world) {
		heard := make(chan websocket.CloseError, 1)
		w.gateway.behaves(func(ws *websocket.Conn) {
			go func() { heard <- closing(ws) }()
			for ws.Write(context.Background(), websocket.MessageBinary, make([]byte, 16<<10)) == nil {
				time.Sleep(time.Millisecond)
			}
		})
		began := time.Now()
		ws := w.mustOpen(t, w.mustLook(t, "app", "7").MessageURLs[0])
		require.Equal(t, relay.ReasonClientLost, (<-heard).Reason)
		require.InDelta(t, 30, time.Since(began).Seconds(), 15)
		require.Equal(t, relay.CodeClientLost, w.await(relay.EventMessagesClosed, 1).Code)
		require.NoError(t, ws.CloseNow())
	})
}

// A client whose firewall forgot the connection never answers a ping.
func TestVanishedClientIsGivenUp(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, w *world) {
		heard := make(chan websocket.CloseError, 1)
		w.gateway.behaves(func(ws *websocket.Conn) { heard <- closing(ws) })
		a := w.mustLook(t, "small", "7")
		began := time.Now()
		w.mustOpen(t, a.MessageURLs[0]) // and never read
		require.Equal(t, relay.ReasonClientLost, (<-heard).Reason)
		require.Equal(t, 30*time.Second, time.Since(began), "20 s until the ping and 10 s for the pong")

		// Its slot is kept for it for a while.
		rival := `{"appId":"small","sdkVersion":"2.5.1","channel":"town-hall","uid":"8"}`
		_, r := w.look(t, rival)
		require.Equal(t, 429, r.status)
		require.Equal(t, "30", r.header.Get("Retry-After"))
		back := w.mustOpen(t, w.mustLook(t, "small", "7").MessageURLs[1])
		require.NoError(t, back.CloseNow())
		time.Sleep(30 * time.Second)
		_, r = w.look(t, rival)
		require.Nil(t, r)
	})
}

func TestIdleConnectionLives(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, w *world) {
		ws := w.mustOpen(t, w.mustLook(t, "app", "7").MessageURLs[0])
		got := make(chan string)
		go func() {
			_, message, _ := ws.Read(context.Background())
			got <- string(message)
		}()
		time.Sleep(24 * time.Hour)
		send(t, ws, "still here")
		require.Equal(t, "still here", <-got)
		require.NoError(t, ws.CloseNow())
	})
}

func TestScale(t *testing.T) {
	w := onLoopback(t, nil)
	// Two lookups of one join at once, and then another user's: nobody is in yet.
	one, two, late := w.mustLook(t, "small", "7"), w.mustLook(t, "small", "7"), w.mustLook(t, "small", "8")
	first := w.mustOpen(t, one.MessageURLs[0])
	second := w.mustOpen(t, two.MessageURLs[1])
	_, r := w.open(t, late.MessageURLs[0])
	require.Equal(t, 429, r.status)
	require.Equal(t, relay.CodeScale, r.Error.Code)
	_, r = w.look(t, `{"appId":"small","sdkVersion":"2.5.1","channel":"town-hall","uid":"8"}`)
	require.Equal(t, relay.CodeScale, r.Error.Code)

	// The refusals left the others alone, and leaving frees the slot.
	send(t, first, "hello")
	require.Equal(t, "hello", receive(t, first))
	require.NoError(t, first.Close(websocket.StatusNormalClosure, ""))
	w.await(relay.EventMessagesClosed, 1)
	_, r = w.open(t, late.MessageURLs[0])
	require.Equal(t, relay.CodeScale, r.Error.Code, "the user's other connection is still there")
	require.NoError(t, second.Close(websocket.StatusNormalClosure, ""))
	w.await(relay.EventMessagesClosed, 2)
	w.mustOpen(t, late.MessageURLs[0])
}

// One user can't have SD-RTN dialled without end, however many handshakes race.
func TestConnectionsOfOneUser(t *testing.T) {
	inBubble(t, func(cfg *relay.Config) { cfg.Limits.UserConnections = 3 }, func(t *testing.T, w *world) {
		mine, theirs := w.mustLook(t, "app", "7").MessageURLs[0], w.mustLook(t, "app", "8").MessageURLs[0]
		opened := make(chan *websocket.Conn, 10)
		for range cap(opened) {
			go func() {
				ws, no := w.open(t, mine)
				if no != nil && (no.status != 429 || no.Error.Code != relay.CodeConnections || no.header.Get("Retry-After") == "") {
					t.Errorf("refused with %d %s", no.status, no.Error.Code)
				}
				opened <- ws
			}()
		}
		var open []*websocket.Conn
		for range cap(opened) {
			if ws := <-opened; ws != nil {
				open = append(open, ws)
			}
		}
		require.Len(t, open, 3)
		other := w.mustOpen(t, theirs)
		require.NoError(t, open[0].Close(websocket.StatusNormalClosure, ""))
		w.await(relay.EventMessagesClosed, 1)
		again := w.mustOpen(t, mine)
		for _, ws := range append(open[1:], other, again) {
			require.NoError(t, ws.Close(websocket.StatusNormalClosure, ""))
		}
	})
}

func TestStoppingTellsBothSides(t *testing.T) {
	w := onLoopback(t, nil)
	heard := make(chan websocket.CloseError, 2)
	w.gateway.behaves(func(ws *websocket.Conn) { heard <- closing(ws) })
	ws := w.mustOpen(t, w.mustLook(t, "app", "7").MessageURLs[0])
	go func() { heard <- closing(ws) }()
	w.stop()
	want := websocket.CloseError{Code: websocket.StatusGoingAway, Reason: relay.ReasonStopping}
	require.Equal(t, want, <-heard)
	require.Equal(t, want, <-heard)
	require.Equal(t, relay.CodeStopping, w.await(relay.EventMessagesClosed, 1).Code)
}

func TestStoppingDoesNotWaitForTheDead(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, w *world) {
		w.gateway.behaves(func(ws *websocket.Conn) { time.Sleep(time.Minute) })
		w.mustOpen(t, w.mustLook(t, "app", "7").MessageURLs[0])
		began := time.Now()
		w.stop()
		require.LessOrEqual(t, time.Since(began), 10*time.Second)
	})
}
