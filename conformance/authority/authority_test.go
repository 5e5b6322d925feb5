package authority_test

import (
	"crypto/x509"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/conformance/authority"
)

// Clients of an authority take its servers by all that they are called, and those of nobody else. Seeded authorities of one
// name are the same.
func TestWhoTrustsWhom(t *testing.T) {
	made := func(name string, keys authority.Keys) *authority.Authority {
		a, err := authority.New(authority.Config{
			Name: name, Keys: keys, Addrs: []netip.Addr{netip.MustParseAddr("192.0.2.1")}, Names: []string{"one.test", "two.test"}})
		require.NoError(t, err)
		return a
	}
	seeded, other, usual := made("here", nil), made("elsewhere", nil), made("here", authority.Usual)
	require.Equal(t, seeded.PEM, made("here", authority.Seeded).PEM)
	for _, a := range []*authority.Authority{seeded, usual} {
		for _, name := range []string{"192.0.2.1", "one.test", "two.test"} {
			require.NoError(t, trusts(a, a, name), name)
		}
		require.ErrorContains(t, trusts(a, a, "three.test"), "three.test")
		require.ErrorContains(t, trusts(other, a, "one.test"), "unknown authority")
		require.ErrorContains(t, trusts(a, other, "one.test"), "unknown authority")
	}
	require.ErrorContains(t, trusts(usual, seeded, "one.test"), "unknown authority", "keys of their own")
}

// trusts is what a client says of a server that it dials by a name.
func trusts(client, server *authority.Authority, name string) error {
	cert, err := x509.ParseCertificate(server.Servers.Certificates[0].Certificate[0])
	if err == nil {
		_, err = cert.Verify(x509.VerifyOptions{Roots: client.Clients.RootCAs, DNSName: name})
	}
	return err
}
