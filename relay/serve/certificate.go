package serve

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"github.com/proxyspec/proxyspec/relay"
)

// certificate is the cloud proxy's, which can be exchanged while it is used.
type certificate struct {
	cert, key string // files
	now       atomic.Pointer[tls.Certificate]
}

// fits says why clients will refuse the certificate at some relays: it must be for each address that they are told.
func (c *certificate) fits(relays []relay.RelaySite) (err error) {
	leaf := c.now.Load().Leaf
	if time.Now().Before(leaf.NotBefore) {
		err = fmt.Errorf("the certificate %s isn't valid before %s: clients will refuse it", c.cert, leaf.NotBefore.Format(time.RFC3339))
	}
	for _, r := range relays {
		if at := cmp.Or(r.Host, r.Addr.String()); leaf.VerifyHostname(at) != nil {
			err = errors.Join(err, fmt.Errorf("the certificate %s isn't for %s, the address of %s: clients will refuse it", c.cert, at, r.Name))
		}
	}
	return err
}

// reload reads the files. After an error the old certificate stays.
func (c *certificate) reload() error {
	pair, err := tls.LoadX509KeyPair(c.cert, c.key)
	if err != nil {
		return fmt.Errorf("read the certificate %s and its key %s: %w", c.cert, c.key, err)
	}
	if time.Now().After(pair.Leaf.NotAfter) {
		return fmt.Errorf("the certificate %s has expired on %s: renew it", c.cert, pair.Leaf.NotAfter.Format(time.DateOnly))
	}
	c.now.Store(&pair)
	return nil
}

func (c *certificate) config() *tls.Config {
	return &tls.Config{
		MinVersion:     tls.VersionTLS12,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return c.now.Load(), nil },
	}
}

// trust is how gateways' certificates are checked.
func trust(file string) (*tls.Config, error) {
	cfg := &tls.Config{MinVersion: tls.VersionTLS12}
	if file == "" {
		return cfg, nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read the gateways' authority: %w", err)
	}
	cfg.RootCAs = x509.NewCertPool()
	if !cfg.RootCAs.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("the gateways' authority %s has no certificate in it", file)
	}
	return cfg, nil
}
