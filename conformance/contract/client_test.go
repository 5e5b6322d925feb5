package contract

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// talking runs a Client on one end of a pipe; the test has the other end and Run's error.
func talking(t *testing.T, cfg ClientConfig) (*Client, net.Conn, <-chan error) {
	ours, theirs := net.Pipe()
	cfg.RW = ours
	c := NewClient(cfg)
	done := make(chan error, 1)
	go func() { done <- c.Run(t.Context()) }()
	t.Cleanup(func() { theirs.Close() })
	return c, theirs, done
}

// TestUnreadableResultsAreTheAdaptersFault has results that would make a scenario blame the SDK.
func TestUnreadableResultsAreTheAdaptersFault(t *testing.T) {
	const track = `{"packets":1,"bytes":2,"frames":0}`
	const counted = `{"messagesSent":1,"messagesReceived":0,"sent":{"audio":` + track + `,"video":` + track + `}}`
	for _, tt := range []struct{ method, result, want string }{
		{MethodStats, counted, ""},
		{MethodStats, `{}`, "the result of stats: it needs messagesSent and messagesReceived"},
		{MethodStats, `{"messagesSent":1,"messagesReceived":0,"sent":{"audio":` + track + `}}`, "the result of stats: it needs packets, bytes and frames of sent.audio and sent.video"},
		{MethodStats, `{"messagesSent":"1","messagesReceived":0,"sent":{}}`, "the result of stats: messagesSent must be a whole number, and is a JSON string"},
		{MethodCreateClient, `{"client":"c1"}`, ""},
		{MethodCreateClient, `{}`, "the result of createClient: it has no client"},
		{MethodInit, `true`, ""},
	} {
		t.Run(tt.method+" "+tt.result, func(t *testing.T) {
			c, adapter, _ := talking(t, ClientConfig{})
			p, err := c.Begin(tt.method, ClientCall{})
			require.NoError(t, err)
			go func() {
				bufio.NewReader(adapter).ReadString('\n')
				io.WriteString(adapter, `{"jsonrpc":"2.0","id":1,"result":`+tt.result+"}\n")
			}()
			if err := p.Wait(t.Context(), nil); tt.want == "" {
				require.NoError(t, err)
			} else {
				require.ErrorContains(t, err, tt.want)
			}
		})
	}
}

func TestClientBlamesTheAdapter(t *testing.T) {
	for _, tt := range []struct{ name, lines, want string }{
		{"garbage", "Starting up...\n", "not a JSON-RPC frame: invalid character 'S' looking for beginning of value (only messages may be on standard output"},
		{"a blank line", "\n", "unexpected end of JSON input (only messages may be on standard output"},
		{"a byte order mark", "\ufeff{}\n", "(it begins with a byte order mark: write UTF-8 without one)"},
		{"over several lines", "{\n\"jsonrpc\":\"2.0\"}\n", "(a message is one JSON object in one line, written whole)"},
		{"not UTF-8", "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"uid\":\"\xff\"}}\n", "not UTF-8"},
		{"too long", strings.Repeat("x", MaxFrame+2) + "\n", "longer than"},
		{"a request", `{"jsonrpc":"2.0","id":9,"method":"hello"}` + "\n", "neither a reply nor a notification"},
		{"an unknown notification", `{"jsonrpc":"2.0","method":"trace"}` + "\n", "neither a reply nor a notification"},
		{"an event that is none", `{"jsonrpc":"2.0","method":"event","params":[]}` + "\n", "parameters of the notification event"},
		{"a state of its own", `{"jsonrpc":"2.0","method":"event","params":{"client":"c1","type":"connection-state","state":"ONLINE"}}` + "\n",
			`the event connection-state has the state "ONLINE": it may be DISCONNECTED, CONNECTING, CONNECTED, RECONNECTING, DISCONNECTING`},
		{"a message of nobody", `{"jsonrpc":"2.0","method":"event","params":{"client":"c1","type":"message","text":"hello"}}` + "\n", "the event message has no uid"},
		{"an unknown id", `{"jsonrpc":"2.0","id":2,"result":{}}` + "\n", "request 2, which was never made"},
		{"neither result nor error", `{"jsonrpc":"2.0","id":1}` + "\n", "either a result or an error"},
		{"an unknown code", `{"jsonrpc":"2.0","id":1,"error":{"code":1,"message":""}}` + "\n", "error code 1"},
		{"a code in words", `{"jsonrpc":"2.0","id":1,"error":{"code":"FAILED","message":""}}` + "\n", "error.code must be a whole number, and is a JSON string"},
		{"no object", "[]\n", "it must be an object, and is a JSON array"},
		{"cut short", `{"jsonrpc":`, "unexpected EOF"},
		{"closed", "", "closed the line"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, adapter, done := talking(t, ClientConfig{})
			p, err := c.Begin(MethodJoin, Join{Client: "c1"})
			require.NoError(t, err)
			_, err = bufio.NewReader(adapter).ReadString('\n')
			require.NoError(t, err)
			go func() { io.WriteString(adapter, tt.lines); adapter.Close() }()

			var fault *Fault
			require.ErrorAs(t, p.Wait(t.Context(), nil), &fault)
			require.ErrorContains(t, fault, tt.want)
			if tt.lines != "" && tt.lines != "\n" {
				require.True(t, strings.HasPrefix(tt.lines, string(fault.Line[:1])), "the line is kept")
			}
			require.Equal(t, fault, <-done)
			_, err = c.Begin(MethodLeave, ClientCall{Client: "c1"})
			require.Equal(t, fault, err)
		})
	}
}

// An adapter that never stops talking is cut off, and costs the harness little until then.
func TestClientBoundsWhatItKeeps(t *testing.T) {
	var logs []Log
	var events []Event
	c, adapter, done := talking(t, ClientConfig{Log: func(l Log) { logs = append(logs, l) }, Event: func(e Event) { events = append(events, e) }})
	p, err := c.Begin(MethodJoin, Join{Client: "c1"})
	require.NoError(t, err)
	long := strings.Repeat("é", MaxFrame/4)
	go func() {
		bufio.NewReader(adapter).ReadString('\n')
		fmt.Fprintf(adapter, `{"jsonrpc":"2.0","id":1,"error":{"code":-32000,"message":"x%s"}}`+"\n", long)
		fmt.Fprintf(adapter, `{"jsonrpc":"2.0","method":"event","params":{"client":"c1","type":"error","reason":"%s"}}`+"\n", long)
		for err := error(nil); err == nil; { // until it is cut off
			_, err = fmt.Fprintf(adapter, `{"jsonrpc":"2.0","method":"log","params":{"level":"info","message":"%s"}}`+"\n", long[:50_000])
		}
	}()
	var fault *Fault
	require.ErrorAs(t, <-done, &fault)
	require.Equal(t, "it has sent more than 64 MiB of notifications", fault.Reason)
	require.Len(t, logs, 1001)
	require.Regexp(t, `^[1-9]\d+ more lines of log were left out$`, logs[1000].Message)
	require.Equal(t, long[:4096]+" [... and 45904 bytes more]", logs[0].Message)
	require.Equal(t, fmt.Sprintf("%s [... and %d bytes more]", long[:4096], len(long)-4096), events[0].Reason)
	var sdk *Error
	require.ErrorAs(t, p.Wait(t.Context(), nil), &sdk)
	require.Equal(t, fmt.Sprintf("x%s [... and %d bytes more]", long[:4094], len(long)-4094), sdk.Message, "not cut in a character")
}

func TestClientBlamesALineWithoutAnEnd(t *testing.T) {
	ours, theirs := net.Pipe()
	defer theirs.Close()
	c := NewClient(ClientConfig{RW: ours})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- c.Run(ctx) }()
	p, err := c.Begin(MethodInit, Init{Client: "c1"})
	require.NoError(t, err)
	_, err = bufio.NewReader(theirs).ReadString('\n')
	require.NoError(t, err)
	_, err = io.WriteString(theirs, `{"jsonrpc":"2.0","id":1,"result":{}}`) // returns once it is read
	require.NoError(t, err)
	cancel()
	require.ErrorContains(t, <-done, `never ended it with a line feed: "{\"jsonrpc\"`)
	_, err = p.Result()
	var fault *Fault
	require.ErrorAs(t, err, &fault)
}

func TestClientBlamesASecondReply(t *testing.T) {
	c, adapter, done := talking(t, ClientConfig{})
	go func() {
		bufio.NewReader(adapter).ReadString('\n')
		fmt.Fprint(adapter, strings.Repeat(`{"jsonrpc":"2.0","id":1,"result":null}`+"\n", 2))
	}()
	require.NoError(t, c.Call(t.Context(), MethodReset, nil, nil))
	require.ErrorContains(t, <-done, "a second reply to request 1")
}

func TestClientBlamesAResultOfTheWrongShape(t *testing.T) {
	c, adapter, _ := talking(t, ClientConfig{})
	go Serve(t.Context(), adapter, handler(func(c *Call) { c.Reply([]int{1}, nil) }))
	var fault *Fault
	require.ErrorAs(t, c.Call(t.Context(), MethodJoin, Join{}, &JoinResult{}), &fault)
	require.Equal(t, "[1]", string(fault.Line))
}

// The two sides together, in virtual time, as a scenario uses them.
func TestClientAndServe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		type seen struct {
			what string
			at   time.Duration
		}
		var log []seen
		start := time.Now()
		note := func(format string, args ...any) {
			log = append(log, seen{fmt.Sprintf(format, args...), time.Since(start)})
		}
		ours, theirs := net.Pipe()
		c := NewClient(ClientConfig{
			RW: ours,
			Reply: func(p *Pending) {
				_, err := p.Result()
				note("%s: %v", p.Method, err)
			},
			Event: func(e Event) { note("event %s", e.State) },
			Log:   func(l Log) { note("log %s", l.Message) },
		})
		served, ran := make(chan error, 1), make(chan error, 1)
		go func() {
			served <- Serve(context.Background(), theirs, handler(func(c *Call) {
				switch c.Method {
				case MethodJoin:
					time.AfterFunc(3*time.Second, func() {
						c.Line().Event(Event{State: StateConnected})
						c.Line().Log(Log{Message: "joined"})
						c.Reply(JoinResult{UID: "7"}, nil)
					})
				case MethodStats:
					c.Reply(nil, NotSupported(c.Method))
				default:
					c.Reply(nil, nil)
				}
			}))
		}()
		go func() { ran <- c.Run(context.Background()) }()

		join, err := c.Begin(MethodJoin, Join{})
		require.NoError(t, err)
		var sdk *Error
		require.ErrorAs(t, c.Call(t.Context(), MethodStats, nil, nil), &sdk)
		require.Equal(t, CodeMethodNotFound, sdk.Code)
		short, cancel := context.WithTimeout(t.Context(), time.Second)
		require.ErrorIs(t, join.Wait(short, nil), context.DeadlineExceeded)
		cancel()
		var r JoinResult
		require.NoError(t, join.Wait(t.Context(), &r))
		require.Equal(t, "7", r.UID)
		require.NoError(t, c.Call(t.Context(), MethodShutdown, nil, nil))
		require.NoError(t, <-served)
		require.NoError(t, <-ran)
		_, err = c.Begin(MethodHello, nil)
		require.ErrorIs(t, err, ErrClosed)
		require.Equal(t, []seen{
			{"stats: stats is not supported", 0},
			{"event CONNECTED", 3 * time.Second},
			{"log joined", 3 * time.Second},
			{"join: <nil>", 3 * time.Second},
			{"shutdown: <nil>", 3 * time.Second},
		}, log)
	})
}

func TestClientEndsWithItsContextThoughTheAdapterIsSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := net.Pipe()
		defer theirs.Close()
		c := NewClient(ClientConfig{RW: ours})
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		p, err := c.Begin(MethodHello, Hello{Protocol: Protocol})
		require.NoError(t, err)
		require.NoError(t, c.Run(ctx))
		require.ErrorIs(t, p.Wait(context.Background(), nil), ErrClosed)
	})
}
