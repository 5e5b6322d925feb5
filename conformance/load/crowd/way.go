package crowd

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"time"

	"github.com/coder/websocket"

	"github.com/proxyspec/proxyspec/fakes/sdrtn"
	"github.com/proxyspec/proxyspec/relay"
)

const (
	lookupLimit   = 6 * time.Second
	messagesLimit = 5 * time.Second
)

// reason is why a user isn't in its call, by name.
type reason struct {
	name string
	err  error
}

func (r *reason) Error() string { return fmt.Sprintf("%s: %v", r.name, r.err) }

// why is the name of an error.
func why(err error) string {
	var r *reason
	if errors.As(err, &r) {
		return r.name
	}
	return err.Error()
}

// lookup asks the edges for the way, one after the other.
func (u *user) lookup(ctx context.Context) (answer relay.LookupAnswer, err error) {
	body, err := json.Marshal(relay.LookupRequest{AppID: u.appID, SDKVersion: "3.0.0", Channel: u.channel, UID: u.uid})
	if err != nil {
		return answer, err
	}
	for i := range edges {
		edge := nth(edgeBlock, 1+(u.number+i)%edges)
		answer, err = u.ask(ctx, edge, body)
		var r *reason
		if err == nil || errors.As(err, &r) || ctx.Err() != nil {
			return answer, err
		}
	}
	return answer, &reason{"lookup-failed", err}
}

// ask asks one edge. A refusal by name is a *reason.
func (u *user) ask(ctx context.Context, edge netip.Addr, body []byte) (answer relay.LookupAnswer, err error) {
	ctx, cancel := context.WithTimeout(ctx, lookupLimit)
	defer cancel()
	conn, err := u.dialTLS(ctx, netip.AddrPortFrom(edge, 443).String())
	if err != nil {
		return answer, err
	}
	defer conn.Close()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://"+edge.String()+relay.LookupPath, bytes.NewReader(body))
	if err != nil {
		return answer, err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Close = true
	if err := request.Write(conn); err != nil {
		return answer, err
	}
	response, err := http.ReadResponse(bufio.NewReaderSize(conn, 2048), request)
	if err != nil {
		return answer, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	if err != nil {
		return answer, err
	}
	if response.StatusCode != http.StatusOK {
		return answer, refusal(response.Status, text)
	}
	err = json.Unmarshal(text, &answer)
	return answer, err
}

// refusal is what the cloud proxy says by name, if it does.
func refusal(status string, body []byte) error {
	var r relay.Refusal
	if json.Unmarshal(body, &r) == nil && r.Error.Code != "" {
		return &reason{r.Error.Code, errors.New(r.Error.Message)}
	}
	return errors.New("the answer is " + status)
}

// dialTLS connects, and shakes hands; ctx ends both.
func (u *user) dialTLS(ctx context.Context, at string) (net.Conn, error) {
	conn, err := u.host.DialContext(ctx, "tcp", at)
	if err != nil {
		return nil, err
	}
	host, _, err := net.SplitHostPort(at)
	if err != nil {
		return nil, err
	}
	cfg := u.fleet.trust.Clients.Clone()
	cfg.ServerName, cfg.NextProtos = host, []string{"http/1.1"}
	secure := tls.Client(conn, cfg)
	if err := secure.HandshakeContext(ctx); err != nil {
		conn.Close()
		return nil, err
	}
	return secure, nil
}

// openChannel opens the message channel by the first URL that leads to SD-RTN, and joins.
func (u *user) openChannel(ctx context.Context, urls []string) (ws *websocket.Conn, err error) {
	for _, target := range urls {
		if ws, err = u.enter(ctx, target); err == nil {
			return ws, nil
		}
		var r *reason
		if errors.As(err, &r) && r.name != relay.CodeUpstream || ctx.Err() != nil {
			return nil, err
		}
	}
	return nil, &reason{"messages-failed", err}
}

func (u *user) enter(ctx context.Context, target string) (ws *websocket.Conn, err error) {
	ctx, cancel := context.WithTimeout(ctx, messagesLimit)
	defer cancel()
	parsed, err := url.Parse(target)
	if err != nil {
		return nil, err
	}
	conn, err := u.dialTLS(ctx, parsed.Host)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			conn.Close()
		}
	}()
	ws, response, err := websocket.Dial(ctx, target, &websocket.DialOptions{HTTPClient: &http.Client{Transport: &http.Transport{
		DialTLSContext: func(context.Context, string, string) (net.Conn, error) { return conn, nil },
	}}})
	if err != nil {
		if response != nil && response.Body != nil {
			if body, _ := io.ReadAll(io.LimitReader(response.Body, 1<<10)); len(body) > 0 {
				return nil, refusal(response.Status, body)
			}
		}
		return nil, err
	}
	join := sdrtn.Frame{Type: sdrtn.TypeJoin, ID: 1, AppID: u.appID, Channel: u.channel, UID: u.uid, SDKVersion: "3.0.0", Resume: u.resume}
	if err := ws.Write(ctx, websocket.MessageText, sdrtn.Encode(join)); err != nil {
		return nil, err
	}
	_, text, err := ws.Read(ctx)
	if err != nil {
		return nil, err
	}
	var answer sdrtn.Frame
	if err := json.Unmarshal(text, &answer); err != nil {
		return nil, err
	}
	if answer.Type != sdrtn.TypeOK {
		return nil, &reason{answer.Code, errors.New(answer.Message)}
	}
	u.resume = answer.Resume
	return ws, nil
}
