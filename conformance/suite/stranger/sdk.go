package stranger

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/pion/transport/v3"

	"github.com/proxyspec/proxyspec/conformance/contract"
)

// SDK is the stranger. It implements contract.Handler.
type SDK struct {
	net   transport.Net
	twist string // the name of the one twist that it has, or empty

	mu        sync.Mutex // held for moments only
	clients   map[string]*client
	made      int
	endpoints contract.Endpoints
	roots     *x509.CertPool
	sessions  tls.ClientSessionCache
	shared    setting // settings, for a fault that has them in one place
	kept      way     // the last answer, for a fault that uses it again
}

// New makes an SDK on a network, with a twist by name; empty is the plain one.
func New(n transport.Net, twist string) *SDK {
	if _, known := Find(twist); twist != "" && !known {
		panic("stranger: there is no twist " + twist)
	}
	return &SDK{net: n, twist: twist, clients: map[string]*client{}, sessions: tls.NewLRUClientSessionCache(32)}
}

// has tells whether the SDK has a twist.
func (s *SDK) has(twist string) bool { return s.twist == twist }

// version is what it declares.
func (s *SDK) version() string {
	if s.has("long-version") {
		return "v4.11.2.1042+build.7"
	}
	return "4.11.2"
}

// Begin begins a call.
func (s *SDK) Begin(call *contract.Call) {
	call = s.mannered(call)
	switch call.Method {
	case contract.MethodHello:
		call.Reply(s.hello(call))
	case contract.MethodCreateClient:
		call.Reply(s.createClient(call))
	case contract.MethodReset, contract.MethodShutdown:
		s.reset(func() { call.Reply(nil, nil) })
	default:
		s.clientCall(call)
	}
}

func (s *SDK) hello(call *contract.Call) (any, error) {
	var p contract.Hello
	if err := call.Bind(&p); err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM([]byte(p.CA)) {
		return nil, contract.SDKError("BAD_CA", "the certificate authority can't be read")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.endpoints, s.roots = p.Endpoints, roots
	return contract.HelloResult{Protocol: contract.Protocol, Name: "stranger", Version: s.version()}, nil
}

func (s *SDK) createClient(call *contract.Call) (any, error) {
	var p contract.CreateClient
	if err := call.Bind(&p); err != nil {
		return nil, err
	}
	var given setting
	if p.ProxyServer != "" {
		if err := s.checkText("proxyServer", p.ProxyServer); err != nil {
			return nil, err
		}
		given.proxy = p.ProxyServer
	}
	if len(p.TurnServer) > 0 && string(p.TurnServer) != "null" {
		servers, _, err := s.turnServers(p.TurnServer)
		if err != nil {
			return nil, err
		}
		given.turn = servers
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.made++
	name := "handle/" + strconv.Itoa(s.made)
	s.clients[name] = newClient(s, name, call.Line(), p, given)
	return contract.CreateClientResult{Client: name}, nil
}

func (s *SDK) clientCall(call *contract.Call) {
	var p contract.ClientCall
	if err := call.Bind(&p); err != nil {
		call.Reply(nil, err)
		return
	}
	s.mu.Lock()
	c := s.clients[p.Client]
	s.mu.Unlock()
	if c == nil {
		call.Reply(nil, contract.SDKError("NO_CLIENT", fmt.Sprintf("there is no client %q", p.Client)))
		return
	}
	c.box.post(func() { c.begin(call) })
}

// reset ends every client, then calls done.
func (s *SDK) reset(done func()) {
	s.mu.Lock()
	left := s.clients
	s.clients = map[string]*client{}
	s.mu.Unlock()
	var all sync.WaitGroup
	for _, c := range left {
		all.Add(1)
		c.box.post(func() {
			c.quit(func() {
				c.box.stop()
				all.Done()
			})
		})
	}
	go func() {
		all.Wait()
		done()
	}()
}

// mannered is a call whose reply has the manners of some SDKs.
func (s *SDK) mannered(call *contract.Call) *contract.Call {
	switch s.twist {
	case "other-words":
		return call.Divert(func(result any, err error) {
			if _, supported := err.(*contract.Error); supported && err.(*contract.Error).Code == contract.CodeSDK {
				err = &contract.Error{Code: contract.CodeSDK, Message: "Übel!"}
			}
			call.Reply(result, err)
		})
	case "slow-answers":
		s.mu.Lock()
		s.made += 7
		pause := time.Duration(s.made*377%2000) * time.Millisecond
		s.mu.Unlock()
		return call.Divert(func(result any, err error) { time.AfterFunc(pause, func() { call.Reply(result, err) }) })
	}
	return call
}
