package contract

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// handler makes a Handler of a function.
type handler func(*Call)

func (h handler) Begin(c *Call) { h(c) }

// serving runs Serve on one end of a pipe; the test has the other end and Serve's error.
func serving(t *testing.T, h Handler) (net.Conn, <-chan error) {
	ours, theirs := net.Pipe()
	done := make(chan error, 1)
	go func() { done <- Serve(context.Background(), theirs, h) }()
	t.Cleanup(func() { ours.Close() })
	return ours, done
}

func TestServeRefusesWhatIsNotACall(t *testing.T) {
	for _, tt := range []struct{ name, line, want string }{
		{"not JSON", "hello\n", "not a JSON-RPC frame"},
		{"another version", `{"jsonrpc":"1.0","id":1,"method":"hello"}` + "\n", `"jsonrpc" is "1.0"`},
		{"no id", `{"jsonrpc":"2.0","method":"hello"}` + "\n", "no id or no method"},
		{"no method", `{"jsonrpc":"2.0","id":1}` + "\n", "no id or no method"},
		{"an id that is no number", `{"jsonrpc":"2.0","id":"x","method":"hello"}` + "\n", "not a JSON-RPC frame"},
		{"too long", strings.Repeat("x", MaxFrame+2) + "\n", "longer than 1048576 bytes"},
		{"cut short", `{"jsonrpc":"2.0"`, "unexpected EOF"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			conn, done := serving(t, handler(func(*Call) {}))
			go func() { io.WriteString(conn, tt.line); conn.Close() }()
			err := <-done
			require.ErrorContains(t, err, tt.want)
			require.ErrorContains(t, err, "request 1")
			require.Less(t, len(err.Error()), 600)
		})
	}
}

func TestServeBeginsCallsInOrderWhileEarlierOnesAreOpen(t *testing.T) {
	var open []*Call
	conn, done := serving(t, handler(func(c *Call) {
		if open = append(open, c); len(open) < 3 {
			return
		}
		open[2].Reply(nil, nil)
		open[0].Line().Event(Event{Client: "c1", Type: EventState, State: StateConnected})
		open[1].Reply(nil, SDKError("BUSY", "a join is under way"))
		open[0].Reply(JoinResult{UID: "7"}, nil)
	}))
	go fmt.Fprint(conn, `{"jsonrpc":"2.0","id":1,"method":"join"}`+"\r\n"+
		`{"jsonrpc":"2.0","id":2,"method":"leave"}`+"\n"+`{"jsonrpc":"2.0","id":3,"method":"stats"}`+"\n")

	in := bufio.NewScanner(conn)
	var got []string
	for len(got) < 4 && in.Scan() {
		got = append(got, in.Text())
	}
	require.Equal(t, []string{
		`{"jsonrpc":"2.0","id":3,"result":{}}`,
		`{"jsonrpc":"2.0","method":"event","params":{"client":"c1","type":"connection-state","state":"CONNECTED"}}`,
		`{"jsonrpc":"2.0","id":2,"error":{"code":-32000,"message":"a join is under way","data":{"code":"BUSY"}}}`,
		`{"jsonrpc":"2.0","id":1,"result":{"uid":"7"}}`,
	}, got)
	conn.Close()
	require.NoError(t, <-done)
}

func TestServeEndsAfterShutdownIsAnswered(t *testing.T) {
	conn, done := serving(t, handler(func(c *Call) { c.Reply(nil, nil) }))
	go fmt.Fprint(conn, `{"jsonrpc":"2.0","id":1,"method":"shutdown"}`+"\n")
	answer, err := io.ReadAll(conn)
	require.NoError(t, err)
	require.Equal(t, `{"jsonrpc":"2.0","id":1,"result":{}}`+"\n", string(answer))
	require.NoError(t, <-done)
}

func TestServeEndsWithItsContextThoughNobodyReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := net.Pipe()
		defer ours.Close()
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		go fmt.Fprint(ours, `{"jsonrpc":"2.0","id":1,"method":"stats"}`+"\n")
		require.NoError(t, Serve(ctx, theirs, handler(func(c *Call) { c.Reply(nil, nil) })))
	})
}

func TestReplyTakesAnyError(t *testing.T) {
	for _, tt := range []struct {
		name   string
		result any
		err    error
		want   string
	}{
		{"plain", nil, errors.New("no route"), `"error":{"code":-32000,"message":"no route"}`},
		{"wrapped", nil, fmt.Errorf("x: %w", SDKError("A", "b")), `"error":{"code":-32000,"message":"b","data":{"code":"A"}}`},
		{"not supported", nil, NotSupported("send"), `"error":{"code":-32601,"message":"send is not supported"}`},
		{"cannot be marshalled", func() {}, nil, `"code":-32603`},
		{"too long", strings.Repeat("x", MaxFrame), nil, `"code":-32603`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			conn, _ := serving(t, handler(func(c *Call) { c.Reply(tt.result, tt.err) }))
			go fmt.Fprint(conn, `{"jsonrpc":"2.0","id":1,"method":"send"}`+"\n")
			line, err := bufio.NewReader(conn).ReadString('\n')
			require.NoError(t, err)
			require.Contains(t, line, tt.want)
			require.Contains(t, line, `"id":1`)
		})
	}
}

func TestDivertedReplyGoesElsewhere(t *testing.T) {
	conn, _ := serving(t, handler(func(c *Call) {
		d := c.Divert(func(_ any, err error) { c.Reply(JoinResult{UID: "diverted"}, err) })
		d.Method = MethodShutdown // only the call itself can end the session
		d.Reply(nil, nil)
	}))
	go fmt.Fprint(conn, `{"jsonrpc":"2.0","id":1,"method":"join"}`+"\n")
	line, err := bufio.NewReader(conn).ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, `{"jsonrpc":"2.0","id":1,"result":{"uid":"diverted"}}`+"\n", line)
	require.NoError(t, conn.SetReadDeadline(time.Now()))
	_, err = conn.Read(make([]byte, 1))
	require.ErrorIs(t, err, os.ErrDeadlineExceeded, "the line is still open")
}

func TestBindNamesTheMethod(t *testing.T) {
	err := (&Call{Method: MethodJoin, Params: json.RawMessage(`{"uid":7}`)}).Bind(&Join{})
	var e *Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, CodeInvalidParams, e.Code)
	require.ErrorContains(t, err, "join")
}
