package relay_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"log"
	"net/netip"
	"os"
	"os/signal"

	"github.com/pion/transport/v3/stdnet"

	"github.com/proxyspec/proxyspec/relay"
)

// A cloud proxy of one edge and one relay on the addresses of this machine.
func Example() {
	certificate, err := tls.LoadX509KeyPair("cloud-proxy.crt", "cloud-proxy.key")
	if err != nil {
		log.Fatal(err)
	}
	accounts, err := relay.NewAccounts(relay.Account{
		AppID: "app", Regions: []string{"EU"}, Scale: 500, Operators: []string{"Example Telecom"},
	})
	if err != nil {
		log.Fatal(err)
	}
	cloud, err := relay.New(relay.Config{
		Secret:   []byte(os.Getenv("CLOUD_PROXY_SECRET")),
		Accounts: accounts,
		Relays: []relay.RelaySite{{
			Name: "relay-1", Addr: netip.MustParseAddr("192.0.2.138"),
			MessagePorts: []int{443, 4000}, UDPPorts: []int{3478, 3479}, TCPPorts: []int{3433, 3434},
		}},
		Gateways: []relay.GatewaySite{{Name: "gateway-1", URL: "wss://gateway-1.sd-rtn.test/v1/channel"}},
		Peers:    []netip.Prefix{netip.MustParsePrefix("198.51.100.0/28")},
		TLS:      &tls.Config{Certificates: []tls.Certificate{certificate}},
		Log:      func(e relay.Event) { fmt.Println(e.Name, e.Node, e.From, e.Session, e.Code, e.Detail) },
	})
	if err != nil {
		log.Fatal(err)
	}
	host, err := stdnet.NewNet()
	if err != nil {
		log.Fatal(err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	ended := make(chan error)
	edge, node := cloud.Edge("edge-1", host, netip.MustParseAddrPort("192.0.2.17:443")), cloud.Relay("relay-1", host)
	for _, serve := range []func(context.Context) error{edge.Serve, node.Serve} {
		go func() {
			defer stop() // one without the other is no use
			ended <- serve(ctx)
		}()
	}
	for range 2 {
		if err := <-ended; err != nil {
			log.Print(err)
		}
	}
}
