package world

import (
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"slices"
	"sync"
	"time"
)

// authority is the certificate authority of the simulated internet. Its keys are Ed25519, made from
// fixed seeds: a signature of another kind varies in length, and with it the packets.
type authority struct {
	cert *x509.Certificate
	key  ed25519.PrivateKey
	pem  string
}

// ca is made once a process: it is the same in every world.
var ca = sync.OnceValues(func() (*authority, error) { return newAuthority("authority", "proxyspec simulated internet") })

func newAuthority(seed, name string) (*authority, error) {
	key := keyFor(seed)
	template := certificate(1, name)
	template.IsCA, template.BasicConstraintsValid = true, true
	template.KeyUsage = x509.KeyUsageCertSign
	der, err := x509.CreateCertificate(nil, template, template, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("make the certificate authority: %w", err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("read the certificate authority: %w", err)
	}
	return &authority{cert, key, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))}, nil
}

// keyFor is the key of a name. It protects nothing: no byte of a simulated network leaves the process.
func keyFor(name string) ed25519.PrivateKey {
	seed := sha256.Sum256([]byte("proxyspec simulated internet: " + name))
	return ed25519.NewKeyFromSeed(seed[:])
}

func certificate(serial int64, name string) *x509.Certificate {
	return &x509.Certificate{
		SerialNumber: big.NewInt(serial),
		Subject:      pkix.Name{CommonName: name},
		NotBefore:    time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC),
		NotAfter:     time.Date(2049, 1, 1, 0, 0, 0, 0, time.UTC),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
}

// serverTLS is the configuration of every server of the given places, under their addresses and names.
var serverTLS = sync.OnceValues(func() (*tls.Config, error) {
	a, err := ca()
	if err != nil {
		return nil, err
	}
	return a.certify()
})

// inspectorTLS is that of a host that stands in for all of them, with certificates of its own authority, which
// nobody trusts.
var inspectorTLS = sync.OnceValues(func() (*tls.Config, error) {
	a, err := newAuthority("inspector", "office TLS inspection")
	if err != nil {
		return nil, err
	}
	return a.certify()
})

// certify makes the configuration of the internet's servers.
func (a *authority) certify() (*tls.Config, error) {
	template := certificate(2, "proxyspec servers")
	for _, places := range [][]Place{Edges, Relays, ProductionEdges, ProductionRelays, {NewRelay}, Gateways, {CompanyProxy}} {
		for _, p := range places {
			template.IPAddresses = append(template.IPAddresses, net.IP(p.Addr.AsSlice()))
		}
	}
	for _, p := range Gateways {
		template.DNSNames = append(template.DNSNames, gatewayName(p))
	}
	for _, p := range slices.Concat(ProductionEdges, ProductionRelays) {
		template.DNSNames = append(template.DNSNames, productionName(p))
	}
	template.DNSNames = append(template.DNSNames, ProxyName)
	key := keyFor("servers")
	der, err := x509.CreateCertificate(nil, template, a.cert, key.Public(), a.key)
	if err != nil {
		return nil, fmt.Errorf("make the servers' certificate: %w", err)
	}
	return &tls.Config{
		Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}},
		MinVersion:   tls.VersionTLS12,
		// What browsers prefer, with ML-KEM, is a fifth of the time of a model check that joins 5,000 times.
		CurvePreferences: []tls.CurveID{tls.X25519},
	}, nil
}

// clientTLS trusts the authority and nobody else.
func clientTLS() (*tls.Config, error) {
	a, err := ca()
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	roots.AddCert(a.cert)
	return &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}, nil
}
