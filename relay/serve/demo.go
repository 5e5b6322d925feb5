package serve

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"github.com/coder/websocket"

	"github.com/proxyspec/proxyspec/relay"
)

// DemoAppID is the App ID of the demo's only account.
const DemoAppID = "demo"

var loopback = netip.MustParseAddr("127.0.0.1")

// Demo is a cloud proxy for trying it out: on loopback, with a certificate that signs itself, in folder. In place of
// SD-RTN there is a gateway that sends back every message, which runs until ctx ends. Ports are free ones, so that a
// demo never meets another program.
func Demo(ctx context.Context, folder string) (Config, error) {
	cfg := Config{
		Secret: make([]byte, 32), Accounts: filepath.Join(folder, "accounts.yaml"),
		Cert: filepath.Join(folder, "certificate.pem"), Key: filepath.Join(folder, "key.pem"), GatewayCA: filepath.Join(folder, "certificate.pem"),
		Edges:  []EdgeSite{{Name: "edge-1", Addr: netip.AddrPortFrom(loopback, 0)}},
		Relays: []relay.RelaySite{{Name: "relay-1", Addr: loopback, MessagePorts: []int{0, 0}, UDPPorts: []int{0, 0}, TCPPorts: []int{0, 0}}},
		Peers:  []netip.Prefix{netip.PrefixFrom(loopback, 32)},
		Admin:  netip.AddrPortFrom(loopback, 0), Drain: 10 * time.Second,
	}
	if _, err := rand.Read(cfg.Secret); err != nil {
		return cfg, err
	}
	cert, err := selfSigned(cfg.Cert, cfg.Key)
	if err != nil {
		return cfg, fmt.Errorf("make a certificate for the demo: %w", err)
	}
	account := fmt.Sprintf("accounts:\n  - {app-id: %s, regions: [EU], scale: 100, operators: [any], set: test}\n", DemoAppID)
	if err := os.WriteFile(cfg.Accounts, []byte(account), 0o600); err != nil {
		return cfg, err
	}
	at, err := echoGateway(ctx, cert)
	cfg.Gateways = []relay.GatewaySite{{Name: "echo", URL: "wss://" + at + "/v1/channel"}}
	return cfg, err
}

// selfSigned makes a certificate for loopback and writes it to two files.
func selfSigned(certFile, keyFile string) (tls.Certificate, error) {
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		return tls.Certificate{}, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: "proxyspec demo"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(30 * 24 * time.Hour),
		IPAddresses: []net.IP{loopback.AsSlice()}, DNSNames: []string{"localhost"}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, public, private)
	if err != nil {
		return tls.Certificate{}, err
	}
	key, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return tls.Certificate{}, err
	}
	if err := os.WriteFile(certFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o644); err != nil {
		return tls.Certificate{}, err
	}
	if err := os.WriteFile(keyFile, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}), 0o600); err != nil {
		return tls.Certificate{}, err
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: private}, nil
}

// echoGateway stands in for SD-RTN's messages until ctx ends.
func echoGateway(ctx context.Context, cert tls.Certificate) (at string, err error) {
	l, err := tls.Listen("tcp", netip.AddrPortFrom(loopback, 0).String(), &tls.Config{
		MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{cert}, NextProtos: []string{"http/1.1"},
	})
	if err != nil {
		return "", err
	}
	server := &http.Server{ReadHeaderTimeout: 10 * time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ws, err := websocket.Accept(w, r, nil)
		if err != nil {
			return
		}
		defer ws.CloseNow()
		ws.SetReadLimit(relay.MaxMessage)
		for {
			kind, message, err := ws.Read(ctx)
			if err != nil || ws.Write(ctx, kind, message) != nil {
				return
			}
		}
	})}
	go func() {
		<-ctx.Done()
		server.Close()
	}()
	go func() { _ = server.Serve(l) }()
	return l.Addr().String(), nil
}
