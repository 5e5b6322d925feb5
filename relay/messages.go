package relay

import (
	"cmp"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/coder/websocket"
)

// dialTimeout is how long a relay tries one gateway: TCP, TLS and WebSocket together.
const dialTimeout = 5 * time.Second

// messages answers one request to a message port: a client's WebSocket handshake, if all is well. It
// returns when the connection has ended, or when ctx has and the connection is closed.
func (r *Relay) messages(ctx context.Context, w http.ResponseWriter, req *http.Request) {
	from, to := ends(req)
	seen := Event{Node: r.name, Purpose: PurposeMessages, Proto: "TCP", From: from, To: to}
	s, account, fault := r.authorize(w, req)
	seen.Session, seen.AppID, seen.Channel, seen.User = s.Name, s.AppID, s.Channel, s.UID
	if fault == nil {
		most := r.cloud.cfg.Limits.UserConnections
		switch r.cloud.slots.take(s.user(), account.Scale, most, time.Now()) {
		case full:
			fault = refuseScale(account)
		case crowded:
			fault = refuse(CodeConnections, "the user has %d message connections already", most)
		}
	}
	if fault != nil {
		r.refuseMessages(w, seen, fault)
		return
	}
	give := func(broke bool) { r.cloud.slots.give(s.user(), broke, time.Now()) }

	// SD-RTN first: only now can the client still be told by name that it doesn't answer.
	gateway, name, err := r.dial(req.Context(), s)
	if err != nil {
		give(false)
		seen.Detail = err.Error()
		r.refuseMessages(w, seen, refuse(CodeUpstream, "no SD-RTN gateway answered"))
		return
	}
	seen.Name, seen.Detail = EventMessagesOpened, "to gateway "+name
	seen.Relayed, seen.Peer = addrPort(gateway.raw.LocalAddr()), addrPort(gateway.raw.RemoteAddr())
	r.cloud.cfg.Log(seen)
	client, err := acceptClient(w, req)
	if err != nil {
		give(false)
		gateway.close(websocket.CloseError{Code: websocket.StatusGoingAway, Reason: ReasonClientLost})
		seen.Name, seen.Code, seen.Detail = EventMessagesClosed, CodeClientLost, err.Error()
		r.cloud.cfg.Log(seen)
		return
	}
	l := &link{client: client, gateway: gateway, seen: seen, log: r.cloud.cfg.Log}
	l.run(ctx, r.cloud.cfg.Ping, func(v verdict) { give(v.broke) })
}

// refuseMessages logs more than it tells the client if seen has a Detail.
func (r *Relay) refuseMessages(w http.ResponseWriter, seen Event, fault *refusal) {
	seen.Name, seen.Code, seen.Detail = EventMessagesRefused, fault.code, cmp.Or(seen.Detail, fault.message)
	r.cloud.cfg.Log(seen)
	fault.write(w)
}

// authorize finds the session of a request and says why it can't have a message connection, if so.
// The scale is asked about last, so that a plain GET tells a browser, whose WebSocket hides the HTTP
// status of a refused handshake, everything that a handshake would have been told.
func (r *Relay) authorize(w http.ResponseWriter, req *http.Request) (session, Account, *refusal) {
	if req.URL.Path != MessagesPath {
		return session{}, Account{}, refuse(CodeNotFound, "a relay's message port has %s and nothing else", MessagesPath)
	}
	if req.Method != http.MethodGet {
		w.Header().Set("Allow", "GET")
		return session{}, Account{}, refuse(CodeMethod, "a WebSocket handshake is a GET, not a %s", req.Method)
	}
	s, ok := openToken(r.cloud.cfg.Secret, req.URL.Query().Get("session"))
	if !ok {
		return session{}, Account{}, refuse(CodeSession, "not a session of ours: use a message URL of a lookup as it is")
	}
	if s.expired(time.Now()) {
		return s, Account{}, refuse(CodeSession, "session %s has expired: look up again", s.Name)
	}
	account, ok := r.cloud.cfg.Accounts.Account(s.AppID)
	if !ok {
		return s, Account{}, refuse(CodeNotProvisioned, "App ID %q is not provisioned for the cloud proxy any more", s.AppID)
	}
	if !isHandshake(req) {
		if !r.cloud.slots.free(s.user(), account.Scale, time.Now()) {
			return s, account, refuseScale(account)
		}
		return s, account, refuse(CodeUpgrade, "the session is good: open a WebSocket here")
	}
	return s, account, nil
}

// isHandshake says whether the request is a WebSocket handshake that Accept will take (RFC 6455,
// section 4.2.1). Asked before a gateway is dialled.
func isHandshake(req *http.Request) bool {
	key, err := base64.StdEncoding.DecodeString(strings.TrimSpace(req.Header.Get("Sec-WebSocket-Key")))
	return err == nil && len(key) == 16 && len(req.Header.Values("Sec-WebSocket-Key")) == 1 && req.ProtoAtLeast(1, 1) &&
		req.Header.Get("Sec-WebSocket-Version") == "13" &&
		hasToken(req.Header, "Connection", "upgrade") && hasToken(req.Header, "Upgrade", "websocket")
}

func hasToken(h http.Header, key, token string) bool {
	for _, line := range h.Values(key) {
		for t := range strings.SplitSeq(line, ",") {
			if strings.EqualFold(strings.TrimSpace(t), token) {
				return true
			}
		}
	}
	return false
}

func acceptClient(w http.ResponseWriter, req *http.Request) (side, error) {
	// Any origin may connect: a session is proof enough, and there are no cookies to ride on.
	ws, err := websocket.Accept(w, req, &websocket.AcceptOptions{InsecureSkipVerify: true})
	if err != nil {
		return side{}, err
	}
	conn := req.Context().Value(connKey{}).(*tls.Conn)
	return newSide(ws, conn.NetConn()), nil
}

// dial opens a WebSocket to SD-RTN: to the gateway of the session's channel, or to the next one that
// answers.
func (r *Relay) dial(ctx context.Context, s session) (side, string, error) {
	var failures []string
	for _, g := range r.cloud.gateways(s.AppID, s.Channel) {
		gateway, err := r.dialGateway(ctx, g.URL)
		if err == nil {
			return gateway, g.Name, nil
		}
		failures = append(failures, g.Name+": "+err.Error())
		if ctx.Err() != nil {
			break
		}
	}
	return side{}, "", errors.New(strings.Join(failures, "; "))
}

func (r *Relay) dialGateway(ctx context.Context, target string) (_ side, err error) {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	u, err := url.Parse(target)
	if err != nil {
		return side{}, err
	}
	port := u.Port()
	if port == "" {
		port = "443"
	}
	// The connection is made here and not by http.Transport, whose dialling goroutine would outlive
	// a ctx that ends meanwhile.
	conn, err := r.net.CreateDialer(&net.Dialer{Timeout: dialTimeout}).Dial("tcp", net.JoinHostPort(u.Hostname(), port))
	if err != nil {
		return side{}, err
	}
	defer func() {
		if err != nil {
			conn.Close()
		}
	}()
	cfg := r.cloud.cfg.GatewayTLS.Clone()
	cfg.NextProtos = []string{"http/1.1"}
	if cfg.ServerName == "" {
		cfg.ServerName = u.Hostname()
	}
	secure := tls.Client(conn, cfg)
	if err := secure.HandshakeContext(ctx); err != nil {
		return side{}, err
	}
	ws, _, err := websocket.Dial(ctx, target, &websocket.DialOptions{HTTPClient: &http.Client{
		Transport: &http.Transport{
			DialTLSContext: func(context.Context, string, string) (net.Conn, error) { return secure, nil },
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}})
	if err != nil {
		return side{}, err
	}
	return newSide(ws, conn), nil
}
