package world

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
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"
)

// trust is the certificates of the simulated internet: an authority, and one certificate for all its servers.
type trust struct {
	cert    *x509.Certificate
	key     crypto.Signer
	pem     string
	servers *tls.Config
	clients *tls.Config // trusts the authority and nobody else
}

// makeKey is the key of a name.
type makeKey func(name string) (crypto.Signer, error)

// In virtual time the keys are Ed25519, made from fixed seeds: a signature of another kind varies in length, and with
// it the packets. Programs of the real world, browsers first, don't all take those. Either is made once a process.
var (
	virtualTrust = sync.OnceValues(func() (*trust, error) { return newTrust(seededKey, theInternet) })
	realTrust    = sync.OnceValues(func() (*trust, error) { return newTrust(usualKey, theInternet) })

	// inspectorTrust is that of a host that stands in for all servers, with certificates of its own authority, which
	// nobody trusts.
	inspectorTrust = sync.OnceValues(func() (*trust, error) { return newTrust(seededKey, "office TLS inspection") })
)

const theInternet = "proxyspec simulated internet"

// TrustedKey is the SHA-256 hash, in base64, of the public key that the servers of a real-time world have: how a browser
// is told whom to trust.
func TrustedKey() (string, error) {
	t, err := realTrust()
	if err != nil {
		return "", err
	}
	key, err := x509.MarshalPKIXPublicKey(t.servers.Certificates[0].PrivateKey.(crypto.Signer).Public())
	if err != nil {
		return "", err
	}
	hash := sha256.Sum256(key)
	return base64.StdEncoding.EncodeToString(hash[:]), nil
}

// trust is that of the world's servers.
func (w *World) trust() (*trust, error) {
	if w.real() {
		return realTrust()
	}
	return virtualTrust()
}

// seededKey protects nothing: no byte of a simulated network leaves the process.
func seededKey(name string) (crypto.Signer, error) {
	seed := sha256.Sum256([]byte("proxyspec simulated internet: " + name))
	return ed25519.NewKeyFromSeed(seed[:]), nil
}

func usualKey(string) (crypto.Signer, error) { return ecdsa.GenerateKey(elliptic.P256(), rand.Reader) }

func newTrust(make makeKey, name string) (*trust, error) {
	key, err := make("authority of " + name)
	if err != nil {
		return nil, fmt.Errorf("make the certificate authority: %w", err)
	}
	template := certificate(1, name)
	template.IsCA, template.BasicConstraintsValid = true, true
	template.KeyUsage = x509.KeyUsageCertSign
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("make the certificate authority: %w", err)
	}
	t := &trust{key: key, pem: string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))}
	if t.cert, err = x509.ParseCertificate(der); err != nil {
		return nil, fmt.Errorf("read the certificate authority: %w", err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(t.cert)
	t.clients = &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	t.servers, err = t.newServers(make)
	return t, err
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

// newServers is the configuration of every server of the world, under their addresses, what stands for those, and
// their names.
func (t *trust) newServers(make makeKey) (*tls.Config, error) {
	template := certificate(2, "proxyspec servers")
	for _, places := range [][]Place{Edges, Relays, ProductionEdges, ProductionRelays, {NewRelay}, Gateways, {CompanyProxy, intranet}} {
		for _, p := range places {
			template.IPAddresses = append(template.IPAddresses, net.IP(p.Addr.AsSlice()))
			for _, standIns := range []map[netip.Addr]netip.Addr{documented, benchmarked} {
				if standIn, ok := standIns[p.Addr]; ok {
					template.IPAddresses = append(template.IPAddresses, net.IP(standIn.AsSlice()))
				}
			}
		}
	}
	for _, p := range Gateways {
		template.DNSNames = append(template.DNSNames, gatewayName(p))
	}
	for _, p := range slices.Concat(ProductionEdges, ProductionRelays) {
		template.DNSNames = append(template.DNSNames, productionName(p))
	}
	template.DNSNames = append(template.DNSNames, ProxyName, IntranetName)
	key, err := make("servers")
	if err != nil {
		return nil, fmt.Errorf("make the servers' certificate: %w", err)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, t.cert, key.Public(), t.key)
	if err != nil {
		return nil, fmt.Errorf("make the servers' certificate: %w", err)
	}
	return &tls.Config{
		Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}},
		MinVersion:   tls.VersionTLS12,
		// What browsers prefer, with ML-KEM, is a fifth of the time of a model check that joins 5,000 times.
		CurvePreferences: []tls.CurveID{tls.X25519, tls.CurveP256},
	}, nil
}
