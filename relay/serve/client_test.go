package serve

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/pion/logging"
	"github.com/pion/turn/v4"
	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/relay"
)

// trusting is an HTTPS client that takes a certificate for a server of that name. No name: the one of the URL.
func trusting(t *testing.T, certificate, name string) *http.Client {
	authority, err := os.ReadFile(certificate)
	require.NoError(t, err)
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(authority)
	return &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, ServerName: name}, DisableKeepAlives: true}}
}

// lookUp asks an edge, at a URL, for the way to a channel.
func lookUp(t *testing.T, https *http.Client, edge, appID string) (relay.LookupAnswer, int) {
	body := fmt.Sprintf(`{"appId":%q,"sdkVersion":"2.5.1","channel":"town-hall"}`, appID)
	response, err := https.Post(edge, "application/json", strings.NewReader(body))
	require.NoError(t, err)
	defer response.Body.Close()
	var a relay.LookupAnswer
	if response.StatusCode == http.StatusOK {
		require.NoError(t, json.NewDecoder(response.Body).Decode(&a))
	}
	return a, response.StatusCode
}

// turnClient is a client of the relay that a lookup has named, over UDP or TCP.
func turnClient(answer relay.LookupAnswer, transport string) (*ownedClient, error) {
	ice := answer.ICEServers[0]
	var server string
	for _, url := range ice.URLs {
		if address, found := strings.CutSuffix(strings.TrimPrefix(url, "turn:"), "?transport="+transport); found {
			server = address
		}
	}
	conn, err := open(transport, server)
	if err != nil {
		return nil, err
	}
	client, err := turn.NewClient(&turn.ClientConfig{
		TURNServerAddr: server, Username: ice.Username, Password: ice.Credential, Conn: conn,
		LoggerFactory: &logging.DefaultLoggerFactory{Writer: io.Discard, DefaultLogLevel: logging.LogLevelDisabled},
	})
	if err != nil {
		conn.Close()
		return nil, err
	}
	c := &ownedClient{client, conn}
	if err := c.Listen(); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

func open(transport, server string) (net.PacketConn, error) {
	if transport == "udp" {
		return net.ListenPacket("udp4", "127.0.0.1:0")
	}
	conn, err := net.Dial("tcp", server)
	if err != nil {
		return nil, err
	}
	return turn.NewSTUNConn(conn), nil
}

// ownedClient is a client that closes its connection, as pion's doesn't.
type ownedClient struct {
	*turn.Client
	conn net.PacketConn
}

func (c *ownedClient) Close() {
	c.Client.Close()
	c.conn.Close()
}
