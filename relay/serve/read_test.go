package serve

import (
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/relay"
)

func refuseOne(ip netip.Addr) string {
	if ip == netip.MustParseAddr("203.0.113.25") {
		return "it is somebody else's"
	}
	return ""
}

func TestExampleIsRead(t *testing.T) {
	folder := t.TempDir()
	source, err := os.ReadFile("../examples/cloud-proxy.yaml")
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(folder, "secret"), []byte(strings.Repeat("ab", 32)+"\n"), 0o600))
	source = []byte(strings.ReplaceAll(string(source), "\n# ", "\n")) // with what is commented out
	source = source[strings.Index(string(source), "secret-file"):]
	cfg, err := Read(filepath.Join(folder, "cloud-proxy.yaml"), source, refuseOne)
	require.NoError(t, err)
	require.Len(t, cfg.Secret, 64)
	require.Equal(t, filepath.Join(folder, "accounts.yaml"), cfg.Accounts)
	require.Equal(t, "192.0.2.17:443", cfg.Edges[0].Addr.String())
	require.Equal(t, relay.MessagePorts, cfg.Relays[0].MessagePorts)
	require.Equal(t, relay.UDPPorts, cfg.Relays[0].UDPPorts)
	require.Equal(t, relay.TCPPorts, cfg.Relays[0].TCPPorts)
	require.Equal(t, "198.51.100.0/28", cfg.Peers[0].String())
	require.Equal(t, 2_000_000, cfg.Limits.SessionRate)
	require.Equal(t, 24*time.Hour, cfg.TTL)
	require.Equal(t, 5*time.Minute, cfg.Drain)
}

// TestIPv4InIPv6Clothes is an IPv4 address wherever one may stand: else its port could be had twice, and a peer never.
func TestIPv4InIPv6Clothes(t *testing.T) {
	cfg, err := Read("x.yaml", []byte(`edges: [{name: edge-1, address: "[::ffff:192.0.2.17]:443"}]
admin: "[::ffff:127.0.0.1]:9090"
peers: ["::ffff:198.51.100.1"]
`), refuseOne)
	require.ErrorContains(t, err, `needs the field "secret-file"`)
	require.Equal(t, "192.0.2.17:443", cfg.Edges[0].Addr.String())
	require.Equal(t, "127.0.0.1:9090", cfg.Admin.String())
	require.Equal(t, "198.51.100.1/32", cfg.Peers[0].String())
}

// TestSecretThatIsThere can't be read, and isn't to be made anew: other machines have the same.
func TestSecretThatIsThere(t *testing.T) {
	folder := t.TempDir()
	_, err := Read(filepath.Join(folder, "x.yaml"), []byte("secret-file: .\n"), refuseOne)
	require.ErrorContains(t, err, "is a directory")
	require.NotContains(t, err.Error(), "make one")
	_, err = Read(filepath.Join(folder, "x.yaml"), []byte("secret-file: none\n"), refuseOne)
	require.ErrorContains(t, err, "none: no such file or directory: make one with \"openssl rand -hex 32\"")
}

func TestReadNamesEveryMistake(t *testing.T) {
	folder := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(folder, "secret"), []byte("short"), 0o600))
	_, err := Read(filepath.Join(folder, "x.yaml"), []byte(`secret-file: secret
accounts: a.yaml
certificate: c.pem
edges:
  - {name: one, address: 203.0.113.25:443}
relays:
  - {name: one, address: 192.0.2, udp-ports: 3500-3478, tcp-ports: [443], message-port: 443}
  - {name: all, address: 0.0.0.0}
  - {name: six, address: "2001:db8::138"}
gateways:
  - {name: g, url: "https://x"}
  - {name: h, url: "wss://203.0.113.25/v1/channel"}
peers: [sd-rtn, 203.0.113.25]
drain: soon
admin: 9090
`), refuseOne)
	for _, want := range []string{
		"x.yaml:1:14: secret-file: ", "has 5 characters: give at least 16 random ones",
		"x.yaml:5:26: address: it is somebody else's",
		`x.yaml:7:12: the name "one" stands here for the second time`,
		`x.yaml:7:26: address must be an IP address of this machine, not "192.0.2"`,
		`x.yaml:7:46: udp-ports: "3500-3478" is no port from 0 to 65535, nor a range such as 3478-3500`,
		`a relay has no field "message-port"; did you mean "message-ports"?`,
		"x.yaml:8:6: a relay's address is told to clients: give the one by which they reach it, not 0.0.0.0",
		"x.yaml:9:6: a relay's address must be IPv4, not 2001:db8::138",
		"TCP port 443 is one of message-ports and of tcp-ports",
		`x.yaml:11:20: url "https://x" must be like wss://`,
		"x.yaml:12:20: url: it is somebody else's", "x.yaml:13:17: a peer: it is somebody else's",
		`x.yaml:13:9: a peer is an address of SD-RTN's or a prefix`,
		"x.yaml:14:8: drain must be a time",
		"x.yaml:15:8: admin must be text, not a number",
		`the configuration needs the field "key"`,
	} {
		require.ErrorContains(t, err, want)
	}
}
