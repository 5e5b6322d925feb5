package world

import (
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"net/netip"
	"slices"
	"sync"

	"github.com/proxyspec/proxyspec/conformance/authority"
)

// Programs of the real world, browsers first, don't all take the keys of virtual time. Either is made once a process.
var (
	virtualTrust = sync.OnceValues(func() (*authority.Authority, error) { return newTrust(authority.Seeded, theInternet) })
	realTrust    = sync.OnceValues(func() (*authority.Authority, error) { return newTrust(authority.Usual, theInternet) })

	// inspectorTrust is that of a host that stands in for all servers, with certificates of its own authority, which
	// nobody trusts.
	inspectorTrust = sync.OnceValues(func() (*authority.Authority, error) { return newTrust(authority.Seeded, "office TLS inspection") })
)

const theInternet = "proxyspec simulated internet"

// TrustedKey is the SHA-256 hash, in base64, of the public key that the servers of a real-time world have: how a browser
// is told whom to trust.
func TrustedKey() (string, error) {
	t, err := realTrust()
	if err != nil {
		return "", err
	}
	key, err := x509.MarshalPKIXPublicKey(t.Servers.Certificates[0].PrivateKey.(crypto.Signer).Public())
	if err != nil {
		return "", err
	}
	hash := sha256.Sum256(key)
	return base64.StdEncoding.EncodeToString(hash[:]), nil
}

// trust is that of the world's servers.
func (w *World) trust() (*authority.Authority, error) {
	if w.real() {
		return realTrust()
	}
	return virtualTrust()
}

// newTrust is an authority for every server of the world, under their addresses, what stands for those, and their names.
func newTrust(keys authority.Keys, name string) (*authority.Authority, error) {
	c := authority.Config{Name: name, Keys: keys, Names: []string{ProxyName}}
	for _, p := range slices.Concat(Edges, Relays, ProductionEdges, ProductionRelays, []Place{NewRelay}, Gateways, []Place{CompanyProxy, intranet}) {
		c.Addrs = append(c.Addrs, p.Addr)
		for _, standIns := range []map[netip.Addr]netip.Addr{documented, benchmarked} {
			if standIn, ok := standIns[p.Addr]; ok {
				c.Addrs = append(c.Addrs, standIn)
			}
		}
	}
	for _, p := range Gateways {
		c.Names = append(c.Names, gatewayName(p))
	}
	for _, p := range slices.Concat(ProductionEdges, ProductionRelays) {
		c.Names = append(c.Names, productionName(p))
	}
	return authority.New(c)
}
