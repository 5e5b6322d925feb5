package stranger

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/pion/stun/v3"
	"github.com/pion/transport/v3"
)

// The pace of whatever waits for the network. A join has 60 s, and 45 s leave room for a slow answer at its end.
const (
	dialTime   = 5 * time.Second
	askTime    = 6 * time.Second // for one lookup, or one handshake
	joinTime   = 45 * time.Second
	replyTime  = 10 * time.Second // of a gateway
	beatPause  = 10 * time.Second
	beatTime   = 5 * time.Second
	gatherTime = 2 * time.Second
)

// browser is an HTTP client that knows no proxy, follows no redirect and trusts the lab's authority alone.
func (s *SDK) browser() *http.Client {
	config := &tls.Config{RootCAs: s.roots, MinVersion: tls.VersionTLS12}
	switch s.twist {
	case "tls-1.2":
		config.MaxVersion = tls.VersionTLS12
	case "tls-1.3":
		config.MinVersion = tls.VersionTLS13
	case "tls-resumed":
		config.ClientSessionCache = s.sessions
	case "trusts-all":
		config.InsecureSkipVerify = true
	}
	return &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			DialContext:         s.dial,
			TLSClientConfig:     config,
			TLSHandshakeTimeout: dialTime,
			DisableKeepAlives:   !s.has("kept-alive"),
			IdleConnTimeout:     20 * time.Second,
		},
	}
}

// dial connects within dialTime; what comes up after ctx has ended is closed.
func (s *SDK) dial(ctx context.Context, network, address string) (net.Conn, error) {
	type outcome struct {
		conn net.Conn
		err  error
	}
	done := make(chan outcome, 1)
	go func() {
		conn, err := s.net.CreateDialer(&net.Dialer{Timeout: dialTime}).Dial("tcp4", address)
		done <- outcome{conn, err}
	}()
	select {
	case o := <-done:
		if o.err == nil && s.has("blunt") {
			return abrupt{o.conn}, nil
		}
		return o.conn, o.err
	case <-ctx.Done():
		go func() {
			if o := <-done; o.err == nil {
				o.conn.Close()
			}
		}()
		return nil, ctx.Err()
	}
}

// patient is the network of media: WebRTC's TURN client waits for a TCP connection for as long as the network does.
type patient struct {
	transport.Net
	tls *tls.Config // nil: TURN over TCP as it is
}

func (p patient) DialTCP(network string, _, to *net.TCPAddr) (transport.TCPConn, error) {
	conn, err := p.CreateDialer(&net.Dialer{Timeout: dialTime}).Dial(network, to.String())
	if err != nil {
		return nil, err
	}
	if p.tls == nil {
		return conn.(transport.TCPConn), nil
	}
	config := p.tls.Clone()
	config.ServerName = to.IP.String()
	safe := tls.Client(conn, config)
	ctx, cancel := context.WithTimeout(context.Background(), dialTime)
	defer cancel()
	if err := safe.HandshakeContext(ctx); err != nil { // now: a write that waited for a reader's handshake would stop virtual time
		conn.Close()
		return nil, err
	}
	return secured{conn.(transport.TCPConn), safe}, nil
}

// secured is TURN over TLS where WebRTC's client believes that it speaks TCP.
type secured struct {
	transport.TCPConn
	tls *tls.Conn
}

func (s secured) Read(b []byte) (int, error)         { return s.tls.Read(b) }
func (s secured) Write(b []byte) (int, error)        { return s.tls.Write(b) }
func (s secured) Close() error                       { return s.tls.Close() }
func (s secured) SetDeadline(t time.Time) error      { return s.tls.SetDeadline(t) }
func (s secured) SetReadDeadline(t time.Time) error  { return s.tls.SetReadDeadline(t) }
func (s secured) SetWriteDeadline(t time.Time) error { return s.tls.SetWriteDeadline(t) }

// abrupt ends without a word: TLS says no goodbye, and TCP resets what is open.
type abrupt struct{ net.Conn }

func (a abrupt) Close() error {
	if tcp, ok := a.Conn.(interface{ SetLinger(int) error }); ok {
		tcp.SetLinger(0)
	}
	return a.Conn.Close()
}

// stun asks a gateway, and whoever sees it, what address this is.
func (s *SDK) stun() {
	u, err := url.Parse(s.endpoints.Gateways[0])
	if err != nil {
		return
	}
	conn, err := s.net.Dial("udp4", net.JoinHostPort(u.Hostname(), "3478"))
	if err != nil {
		return
	}
	defer conn.Close()
	conn.Write(stun.MustBuild(stun.TransactionID, stun.BindingRequest).Raw)
}
