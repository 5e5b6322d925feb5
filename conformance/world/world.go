package world

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"

	"github.com/proxyspec/proxyspec/conformance/contract"
	"github.com/proxyspec/proxyspec/conformance/limits"
	"github.com/proxyspec/proxyspec/conformance/result"
	"github.com/proxyspec/proxyspec/conformance/timeline"
	"github.com/proxyspec/proxyspec/fakes/sdrtn"
	"github.com/proxyspec/proxyspec/relay"
	"github.com/proxyspec/proxyspec/sim"
	"github.com/proxyspec/proxyspec/sim/bubble"
	"github.com/proxyspec/proxyspec/sim/dns"
	"github.com/proxyspec/proxyspec/sim/firewall"
	"github.com/proxyspec/proxyspec/sim/kernel"
	"github.com/proxyspec/proxyspec/sim/nat"

	"github.com/pion/transport/v3"
)

// SDK makes an SDK for a user whose sockets come from n. The seed is for whatever it draws by chance.
type SDK func(n transport.Net, seed uint64) (contract.Handler, error)

// Config is what a world begins with.
type Config struct {
	Seed uint64
	// Tested is the SDK under test, alice's. Everyone else has Reference.
	Tested, Reference SDK
	// Remote is the SDK under test if it is no part of this process, instead of Tested. The world then lives in real
	// time, and must not be made in a bubble.
	Remote Remote
	// Intranet is what the company's own web server has at IntranetURL. Default: there is none.
	Intranet http.Handler
	Limits   limits.Limits
	// Open is what the office's firewall lets through before anything else, whatever it is told.
	Open []firewall.Rule

	// Broken servers are made of sound ones by changing what they are made of. Nil: they are sound.
	CloudProxy func(*relay.Config)
	Accounts   func(...relay.Account) (relay.Accounts, error) // instead of relay.NewAccounts
	RelayNet   func(transport.Net) transport.Net              // the relays' sockets
	Gateway    func(*sdrtn.Config)

	// A broken firewall misreads what it is told to let through, misjudges packets, or mishears the name server's
	// answers; a broken tool reads other lists, or another version of an SDK, than it is shown. Nil: they are sound.
	Rules   func(*firewall.Policy)
	Judge   func(firewall.Judge) firewall.Judge
	Answers func(message []byte) []byte
	Lists   func(text string) string
	Version func(declared string) string
}

func (cfg Config) withDefaults() Config {
	if cfg.CloudProxy == nil {
		cfg.CloudProxy = func(*relay.Config) {}
	}
	if cfg.Accounts == nil {
		cfg.Accounts = relay.NewAccounts
	}
	if cfg.RelayNet == nil {
		cfg.RelayNet = func(n transport.Net) transport.Net { return n }
	}
	if cfg.Gateway == nil {
		cfg.Gateway = func(*sdrtn.Config) {}
	}
	cfg.Limits = cfg.Limits.WithDefaults()
	return cfg
}

// World is the ground of one scenario.
type World struct {
	Timeline *timeline.Timeline
	Limits   limits.Limits

	cfg     Config
	setup   Setup
	net     *sim.Network
	wall    *sim.Router
	uplink  *sim.Link          // from the firewall to the internet
	inside  []*sim.Link        // of the firewall
	product *result.Product    // what her SDK said that it is; nil in virtual time
	device  *kernel.Renumbered // of alice's kernel; nil in virtual time
	office  *office
	hosts   map[string]*sim.Host
	links   map[string]line // of hosts, by their names
	names   map[netip.Addr]string
	zone    dns.Zone

	nameServers []*dns.Server
	serving     map[string]func()       // stops a server, and waits for it; nil: it has stopped
	again       map[string]func() error // starts a relay
	users       map[string]*User
	backbone    *sdrtn.Backbone
	gateways    []*sdrtn.Gateway
	recorder    *recorder
	evidence    evidence

	serves, carries life // the servers; and the network, which outlives them
	up              bool

	nat        nat.Config // of the office; without an address there is none
	unrecorded atomic.Bool
	closed     int // how many events there were when Close began

	mu     sync.Mutex
	errs   []error // of what serves
	broken bool    // alice's adapter was at fault
}

// Setup is what must be decided before the world is up.
type Setup struct {
	Accounts []relay.Account // of the cloud proxy
	Fault    EdgeFault
	// Production has the cloud proxy at the vendor's production addresses instead of the document's. With Named,
	// clients are told its domain names instead of the addresses.
	Production, Named bool
	// NoMedia has the edges leave the ICE servers out of their answers.
	NoMedia bool
	// RelaysMoved has the relays alone there, while the edges are where they were.
	RelaysMoved bool
	// Declared is the version that alice's SDK is taken to declare; empty: the one that it does.
	Declared string
}

// Prepare changes the setup. It is too late for that once the world is up, which the first use of an SDK
// or of a server brings about.
func (w *World) Prepare(change func(*Setup)) error {
	if w.up {
		return result.Mistake("the world is up already: put this step before the first one that uses an SDK")
	}
	change(&w.setup)
	return nil
}

// Account is an account for an App ID with all that the suite needs.
func Account(appID string) relay.Account {
	return relay.Account{AppID: appID, Regions: []string{"global"}, Scale: 10_000, Operators: []string{"any"}}
}

// AppID is provisioned for the cloud proxy unless a scenario says otherwise.
const AppID = "app-proxyspec-0001"

// New makes a world at rest. It must be called inside the bubble in which the world is to live, or outside of any if
// it has a Remote.
func New(cfg Config) (*World, error) {
	cfg = cfg.withDefaults()
	w := &World{
		Timeline: timeline.New(),
		Limits:   cfg.Limits,
		cfg:      cfg,
		setup:    Setup{Accounts: []relay.Account{Account(AppID)}},
		hosts:    map[string]*sim.Host{},
		links:    map[string]line{},
		names:    map[netip.Addr]string{},
		serving:  map[string]func(){},
		again:    map[string]func() error{},
		recorder: newRecorder(),
		users:    map[string]*User{},
		serves:   newLife(),
		carries:  newLife(),
	}
	settle := bubble.Settle
	if w.real() {
		settle = nil
	}
	w.net = sim.New(sim.Config{Seed: cfg.Seed, Settle: settle})
	if err := w.build(); err != nil {
		w.serves.cancel()
		w.carries.cancel()
		return nil, err
	}
	w.run(w.carries, "network", w.net.Serve)
	return w, nil
}

// Host is a host by its name, for steps that send packets of their own.
func (w *World) Host(name string) (*sim.Host, error) {
	if h := w.hosts[name]; h != nil {
		return h, nil
	}
	return nil, noHost(name)
}

func noHost(name string) error { return result.Mistake("there is no host %q in this world", name) }

// AddrOf is the address of a host by its name; the zero value if there is none.
func (w *World) AddrOf(name string) netip.Addr {
	if h := w.hosts[name]; h != nil {
		return h.Addr()
	}
	if name == Alice {
		return people[0].Addr // beyond a port
	}
	return netip.Addr{}
}

// NameOf is whose address this is, or the address itself.
func (w *World) NameOf(a netip.Addr) string {
	if name := w.names[a]; name != "" {
		return name
	}
	return a.String()
}

// life is of what runs until it is ended.
type life struct {
	ctx    context.Context
	cancel context.CancelFunc
	tasks  *sync.WaitGroup
}

func newLife() life {
	ctx, cancel := context.WithCancel(context.Background())
	return life{ctx, cancel, &sync.WaitGroup{}}
}

// end ends it, and waits until it has ended.
func (l life) end() {
	l.cancel()
	l.tasks.Wait()
}

// run keeps f as a task of the world: its error makes the ground unsound.
func (w *World) run(l life, what string, f func(context.Context) error) {
	l.tasks.Go(func() {
		if err := f(l.ctx); err != nil && l.ctx.Err() == nil {
			w.fault(fmt.Errorf("%s: %w", what, err))
		}
	})
}

func (w *World) fault(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.errs = append(w.errs, err)
}

// Faults are errors of the ground itself: a server that ended, evidence that couldn't be kept.
func (w *World) Faults() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return errors.Join(w.errs...)
}

// Close ends everything: the SDKs first, then the servers, the network last, so that each can say
// goodbye to the next.
func (w *World) Close() error {
	w.closed = len(w.Timeline.Events())
	for _, p := range people {
		if u := w.users[p.Name]; u != nil {
			u.close()
		}
	}
	if w.real() {
		w.strays()
	}
	w.serves.end()
	w.carries.end()
	if err := w.net.Books().Balanced(); err != nil {
		w.fault(fmt.Errorf("the network: %w", err))
	}
	return w.Faults()
}
