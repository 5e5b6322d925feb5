package serve

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"sync/atomic"
	"time"
)

// certificate is the cloud proxy's, which can be exchanged while it is used.
type certificate struct {
	cert, key string // files
	now       atomic.Pointer[tls.Certificate]
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
