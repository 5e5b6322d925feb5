package sdk

import (
	"context"
	"net"
	"net/http"
	"net/url"

	"github.com/pion/webrtc/v4"

	"github.com/proxyspec/proxyspec/conformance/contract"
	"github.com/proxyspec/proxyspec/relay"
)

// Request is what a route is found for: one join, or one attempt to reconnect.
type Request struct {
	Setting   Setting
	Endpoints contract.Endpoints
	Lookup    relay.LookupRequest // what to ask the cloud proxy
	Reconnect bool                // the client had joined, and its connection was lost
	HTTP      *http.Client        // its sockets close with the stay in the channel
}

// Path is a way to SD-RTN.
type Path struct {
	Messages   []string           // WebSocket URLs, in the order in which to try them
	ICEServers []webrtc.ICEServer // for media
	RelayOnly  bool               // media goes through one of ICEServers or not at all
}

// Route finds the way to SD-RTN. It is asked anew for each join and for each attempt to reconnect.
type Route func(context.Context, Request) (Path, error)

// FindRoute is the Route of a sound SDK: with the cloud proxy what the lookup answers, otherwise straight
// to SD-RTN, but for the parts that go through servers of one's own.
func FindRoute(ctx context.Context, r Request) (Path, error) {
	if r.Setting.Cloud {
		return lookup(ctx, r)
	}
	p := Path{Messages: r.Endpoints.Gateways}
	if r.Setting.Proxy != "" {
		p.Messages = nil
		for _, gateway := range r.Endpoints.Gateways {
			through, err := throughProxy(r.Setting.Proxy, gateway)
			if err != nil {
				return Path{}, err
			}
			p.Messages = append(p.Messages, through)
		}
	}
	for _, t := range r.Setting.Turn {
		s := webrtc.ICEServer{Username: t.Username, Credential: t.Password}
		s.URLs = append(s.URLs, "turn:"+net.JoinHostPort(t.TurnServerURL, t.UDPPort)+"?transport=udp")
		if t.TCPPort != "" {
			s.URLs = append(s.URLs, "turn:"+net.JoinHostPort(t.TurnServerURL, t.TCPPort)+"?transport=tcp")
		}
		p.ICEServers = append(p.ICEServers, s)
		p.RelayOnly = p.RelayOnly || t.ForceTurn
	}
	return p, nil
}

// throughProxy is the URL of a gateway through a reverse proxy: see the package comment.
func throughProxy(proxy, gateway string) (string, error) {
	u, err := url.Parse(gateway)
	if err != nil {
		return "", invalid("gateway %q is not a URL: %v", gateway, err)
	}
	port := u.Port()
	if port == "" {
		port = "443"
	}
	query := url.Values{"h": {u.Hostname()}, "p": {port}}
	return (&url.URL{Scheme: "wss", Host: proxy, Path: "/ws/", RawQuery: query.Encode()}).String(), nil
}
