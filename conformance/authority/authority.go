// Package authority makes the certificates of a simulated internet: those of an authority, one certificate of it for all
// the servers there are, and one for none of them. What has them serves and dials; the package knows no server.
package authority

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/netip"
	"time"
)

// Config is an authority and what its servers are called.
type Config struct {
	Name  string
	Keys  Keys // default Seeded
	Addrs []netip.Addr
	Names []string
}

// Authority is an authority's certificates, ready to use.
type Authority struct {
	PEM     string      // of the authority itself
	Servers *tls.Config // of every server
	Another *tls.Config // of a server by another name than any of theirs
	Clients *tls.Config // trusts the authority and nobody else
}

// curves leave out ML-KEM, which browsers prefer: it was a fifth of the time of a model check that joins 5,000 times.
var curves = []tls.CurveID{tls.X25519, tls.CurveP256}

// Keys makes the key of whoever is named.
type Keys func(name string) (crypto.Signer, error)

// Seeded keys are Ed25519, each of a fixed seed: a signature of another kind varies in length, and with it the packets.
// They protect nothing: no byte of a simulated network leaves the process.
func Seeded(name string) (crypto.Signer, error) {
	seed := sha256.Sum256([]byte("proxyspec simulated internet: " + name))
	return ed25519.NewKeyFromSeed(seed[:]), nil
}

// Usual keys are what programs of the real world take, browsers first.
func Usual(string) (crypto.Signer, error) { return ecdsa.GenerateKey(elliptic.P256(), rand.Reader) }

// New makes an authority and its servers' certificate.
func New(c Config) (*Authority, error) {
	if c.Keys == nil {
		c.Keys = Seeded
	}
	root := template(1, c.Name)
	root.IsCA, root.BasicConstraintsValid = true, true
	root.KeyUsage = x509.KeyUsageCertSign
	signer, der, err := c.issue("authority of "+c.Name, root, root, nil)
	if err != nil {
		return nil, fmt.Errorf("make the certificate authority: %w", err)
	}
	if root, err = x509.ParseCertificate(der); err != nil {
		return nil, fmt.Errorf("read the certificate authority: %w", err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(root)
	servers, err := c.serve(template(2, "proxyspec servers"), c.Addrs, c.Names, root, signer)
	if err != nil {
		return nil, fmt.Errorf("make the servers' certificate: %w", err)
	}
	another, err := c.serve(template(3, "another server"), nil, []string{"another.example.test"}, root, signer)
	if err != nil {
		return nil, fmt.Errorf("make another server's certificate: %w", err)
	}
	return &Authority{
		PEM:     string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})),
		Servers: servers,
		Another: another,
		Clients: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12, CurvePreferences: curves},
	}, nil
}

// serve makes what a server of these addresses and names has.
func (c Config) serve(leaf *x509.Certificate, addrs []netip.Addr, names []string, root *x509.Certificate, signer crypto.Signer) (*tls.Config, error) {
	leaf.DNSNames = names
	for _, a := range addrs {
		leaf.IPAddresses = append(leaf.IPAddresses, net.IP(a.AsSlice()))
	}
	key, cert, err := c.issue("servers", leaf, root, signer)
	if err != nil {
		return nil, err
	}
	return &tls.Config{
		Certificates:     []tls.Certificate{{Certificate: [][]byte{cert}, PrivateKey: key}},
		MinVersion:       tls.VersionTLS12,
		CurvePreferences: curves,
	}, nil
}

// issue makes the key of a name and its certificate; without a signer it signs for itself.
func (c Config) issue(name string, cert, parent *x509.Certificate, signer crypto.Signer) (key crypto.Signer, der []byte, err error) {
	if key, err = c.Keys(name); err != nil {
		return nil, nil, err
	}
	if signer == nil {
		signer = key
	}
	der, err = x509.CreateCertificate(rand.Reader, cert, parent, key.Public(), signer)
	return key, der, err
}

func template(serial int64, name string) *x509.Certificate {
	return &x509.Certificate{
		SerialNumber: big.NewInt(serial),
		Subject:      pkix.Name{CommonName: name},
		NotBefore:    time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC),
		NotAfter:     time.Date(2049, 1, 1, 0, 0, 0, 0, time.UTC),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
}
