package stranger

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/pion/webrtc/v4"

	"github.com/proxyspec/proxyspec/conformance/contract"
)

// way is where messages and media of a stay go.
type way struct {
	messages []string // URLs of WebSockets, in the order in which to try them
	ice      []webrtc.ICEServer
	relay    bool // media through ice and nothing else
	expires  time.Time
}

// asked is what a lookup says of who asks.
type asked struct {
	AppID      string `json:"appId"`
	SDKVersion string `json:"sdkVersion"`
	Channel    string `json:"channel"`
	UID        string `json:"uid,omitempty"`
}

// told is what it is answered.
type told struct {
	Expires time.Time
	Relays  []struct {
		Address                          string
		MessagePorts, UDPPorts, TCPPorts []int
	}
	MessageURLs []string
	ICEServers  []struct {
		URLs                 []string
		Username, Credential string
	}
}

// final is a refusal that every edge would repeat.
type final struct{ error }

// way finds the way that the setting asks for.
func (s *SDK) way(ctx context.Context, set setting, ask asked) (way, error) {
	if set.cloud || s.has("always-cloud") {
		return s.cloud(ctx, ask)
	}
	w := way{messages: s.endpoints.Gateways}
	if set.proxy != "" {
		w.messages = nil
		for _, gateway := range s.endpoints.Gateways {
			u, err := url.Parse(gateway)
			if err != nil {
				return way{}, fmt.Errorf("read the gateway's address: %w", err)
			}
			port := u.Port()
			if port == "" {
				port = "443"
			}
			w.messages = append(w.messages, "wss://"+set.proxy+"/ws/?h="+u.Hostname()+"&p="+port+"&d="+strings.TrimPrefix(u.Path, "/"))
		}
	}
	for _, server := range set.turn {
		w.ice = append(w.ice, server.ice)
		w.relay = w.relay || server.force
	}
	return w, nil
}

// cloud is the way through the cloud proxy.
func (s *SDK) cloud(ctx context.Context, ask asked) (w way, err error) {
	direct := way{messages: s.endpoints.Gateways}
	switch s.twist {
	case "resolves-first":
		if _, err := s.net.ResolveIPAddr("ip4", "config.vendor.test"); err != nil {
			if odd := (*net.DNSError)(nil); !errors.As(err, &odd) || !odd.IsNotFound {
				return way{}, err
			}
		}
	case "warms-gateways":
		for _, gateway := range s.endpoints.Gateways {
			if u, err := url.Parse(gateway); err == nil {
				go s.knock(u.Hostname() + ":443")
			}
		}
	case "cached-lookup":
		if s.kept.messages != nil {
			return s.kept, nil
		}
	}
	w, err = s.lookup(ctx, ask)
	refused := errors.As(err, new(final))
	switch {
	case err == nil && s.has("messages-go-direct"):
		w.messages = direct.messages
	case err == nil && s.has("media-goes-direct"):
		w.ice, w.relay = nil, false
	case err == nil && s.has("all-candidates"):
		w.relay = false
	case err == nil && s.has("first-url-only"):
		w.messages = w.messages[:1]
	case err == nil && s.has("first-relay-only"):
		w.ice = w.ice[:1]
	case err == nil && s.has("port-443-only"):
		w.messages = w.messages[:(len(w.messages)+1)/2]
	case err == nil && s.has("direct-at-last"):
		w.messages = append(w.messages, direct.messages...)
	case err == nil && s.has("direct-first"):
		w.messages = append(slices.Clone(direct.messages), w.messages...)
	case refused && s.has("direct-when-refused"), err != nil && !refused && s.has("direct-when-silent"):
		return direct, nil
	case err != nil && s.has("asks-on-for-ever"):
		go func() {
			for range 100 {
				time.Sleep(10 * time.Second)
				s.ask(context.Background(), s.endpoints.Lookup[0], ask)
			}
		}()
	}
	s.kept = w
	return w, err
}

// knock connects to where it has no business.
func (s *SDK) knock(address string) {
	if conn, err := s.dial(context.Background(), "tcp", address); err == nil {
		conn.Close()
	}
}

// lookup asks one edge after the other, twice, unless it has habits of its own.
func (s *SDK) lookup(ctx context.Context, ask asked) (w way, err error) {
	edges, rounds, pause := slices.Clone(s.endpoints.Lookup), 2, time.Duration(0)
	switch s.twist {
	case "edges-backwards":
		slices.Reverse(edges)
	case "one-edge":
		edges = edges[:1]
	case "asks-in-pauses":
		pause = 2 * time.Second
	case "asks-once", "direct-when-silent":
		rounds = 1
	case "asks-too-often":
		rounds, pause = 6, 10*time.Millisecond
	case "all-edges-at-once":
		return s.race(ctx, edges, ask)
	case "two-edges-at-once":
		return s.race(ctx, edges[:2], ask)
	case "asks-twice":
		s.ask(ctx, edges[0], ask)
	}
	err = errors.New("no edge is known")
	for range rounds {
		for _, edge := range edges {
			if w, err = s.ask(ctx, edge, ask); err == nil {
				return w, nil
			}
			if errors.As(err, new(final)) && !s.has("asks-in-pauses") || ctx.Err() != nil {
				return way{}, err
			}
			time.Sleep(pause)
		}
	}
	return way{}, err
}

// race asks several edges at once.
func (s *SDK) race(ctx context.Context, edges []string, ask asked) (w way, err error) {
	type outcome struct {
		way
		error
	}
	all := make(chan outcome, len(edges))
	for _, edge := range edges {
		go func() {
			w, err := s.ask(ctx, edge, ask)
			all <- outcome{w, err}
		}()
	}
	for range edges {
		if o := <-all; o.error == nil {
			return o.way, nil
		} else {
			err = o.error
		}
	}
	return way{}, err
}

// ask asks one edge.
func (s *SDK) ask(ctx context.Context, edge string, ask asked) (way, error) {
	limit := askTime
	switch s.twist {
	case "patience-without-end":
		ctx, limit = context.Background(), time.Hour
	case "asks-too-often":
		limit = time.Second
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	if s.has("uid-left-out") {
		ask.UID = ""
	}
	body, err := json.Marshal(ask)
	if err != nil {
		return way{}, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, edge, bytes.NewReader(body))
	if err != nil {
		return way{}, err
	}
	request.Header.Set("Content-Type", "application/json")
	switch s.twist {
	case "talkative":
		request.Header.Set("User-Agent", "Mozilla/5.0 (X11; Stranger) "+strings.Repeat("like Gecko ", 30))
		request.Header.Set("X-Request-Id", "4711")
		request.Header.Set("Content-Type", "application/json; charset=utf-8")
	case "chunked":
		request.ContentLength = -1
	}
	response, err := s.browser().Do(request)
	if err != nil {
		return way{}, fmt.Errorf("look up: %w", err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	if err != nil {
		return way{}, fmt.Errorf("read the lookup's answer: %w", err)
	}
	if response.StatusCode != http.StatusOK {
		err := contract.SDKError("LOOKUP_REFUSED", fmt.Sprintf("the lookup was refused: %s: %.200s", response.Status, answer))
		if response.StatusCode >= 500 {
			return way{}, err
		}
		return way{}, final{err}
	}
	if s.has("direct-when-malformed") {
		if _, err := s.read(answer); err != nil {
			return way{messages: s.endpoints.Gateways}, nil
		}
	}
	return s.read(answer)
}

// read reads an answer: one without a way for messages or for media is none.
func (s *SDK) read(answer []byte) (way, error) {
	var t told
	if err := json.Unmarshal(answer, &t); err != nil {
		return way{}, fmt.Errorf("read the lookup's answer: %w", err)
	}
	w := way{relay: true, expires: t.Expires}
	for _, u := range t.MessageURLs {
		if strings.HasPrefix(u, "wss://") {
			w.messages = append(w.messages, u)
		}
	}
	for _, server := range t.ICEServers {
		switch s.twist {
		case "tcp-media":
			server.URLs = slices.DeleteFunc(server.URLs, func(u string) bool { return !strings.HasSuffix(u, "=tcp") })
		case "udp-only":
			server.URLs = slices.DeleteFunc(server.URLs, func(u string) bool { return !strings.HasSuffix(u, "=udp") })
		case "tcp-before-udp":
			slices.Reverse(server.URLs)
		}
		if len(server.URLs) > 0 {
			w.ice = append(w.ice, webrtc.ICEServer{URLs: server.URLs, Username: server.Username, Credential: server.Credential})
		}
	}
	switch s.twist {
	case "relays-backwards":
		slices.Reverse(w.messages)
		slices.Reverse(w.ice)
	case "highest-ports":
		for i := range min(len(w.ice), len(t.Relays)) {
			relay := t.Relays[i]
			udp, tcp := relay.UDPPorts[len(relay.UDPPorts)-1], relay.TCPPorts[len(relay.TCPPorts)-1]
			w.ice[i].URLs = []string{fmt.Sprintf("turn:%s:%d?transport=udp", relay.Address, udp), fmt.Sprintf("turn:%s:%d?transport=tcp", relay.Address, tcp)}
		}
	}
	if len(w.messages) == 0 || len(w.ice) == 0 {
		return way{}, errors.New("the lookup's answer has no way")
	}
	return w, nil
}
