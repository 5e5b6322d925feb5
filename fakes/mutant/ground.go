package mutant

import (
	"net/http"

	"github.com/pion/transport/v3"

	"github.com/proxyspec/proxyspec/fakes/sdrtn"
	"github.com/proxyspec/proxyspec/relay"
	"github.com/proxyspec/proxyspec/sim/firewall"
)

// Ground changes what the servers of a world are made of. What is nil changes nothing.
type Ground struct {
	CloudProxy func(*relay.Config)
	Accounts   func(...relay.Account) (relay.Accounts, error) // instead of relay.NewAccounts
	RelayNet   func(transport.Net) transport.Net
	Gateway    func(*sdrtn.Config)

	Rules   func(*firewall.Policy)              // what the firewall makes of the policy that it is told
	Judge   func(firewall.Judge) firewall.Judge // what the router asks instead of the firewall
	Answers func(message []byte) []byte         // what the firewall hears of the name server
	Lists   func(text string) string            // what the tool reads of a list
	Version func(declared string) string        // and of an SDK's version
}

// cloudProxy makes a ground mutant by changing the cloud proxy's configuration.
func cloudProxy(change func(*relay.Config)) func() Ground {
	return func() Ground { return Ground{CloudProxy: change} }
}

// at puts a handler in front of the one for a path. A new one is made for each world.
func at(path string, front func() func(next http.Handler) http.HandlerFunc) func() Ground {
	return func() Ground {
		wrap := front()
		return Ground{CloudProxy: func(cfg *relay.Config) {
			cfg.Wrap = func(next http.Handler) http.Handler {
				broken := wrap(next)
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if r.URL.Path == path {
						broken(w, r)
						return
					}
					next.ServeHTTP(w, r)
				})
			}
		}}
	}
}
