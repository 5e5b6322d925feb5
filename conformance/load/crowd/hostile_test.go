package crowd

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/pion/stun/v3"
	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/conformance/load"
	"github.com/proxyspec/proxyspec/relay"
	"github.com/proxyspec/proxyspec/sim"
)

var silent = flag.Int("silent", 1200, "how many connections TestHostileStrangers leaves half open at each door")

// stranger is somebody on the internet who has a valid session, and means no good.
type stranger struct {
	*user
	way relay.LookupAnswer
}

// An attack is done once everybody is in their calls, and counts what it has got.
type attack struct {
	name    string
	do      func(ctx context.Context, s []*stranger) (got int, err error)
	most    int                 // that it may get
	counted string              // the refusal that says so; empty: it isn't one of the log's
	sound   func(*relay.Config) // smaller limits, so that the attack needn't be large
	broken  func(*relay.Config) // a cloud proxy that gives it more
}

const doorLimit = 300 // connections

var attacks = []attack{
	{
		name: "connections that say nothing", do: sayNothing, most: 3 * doorLimit, counted: "connection.refused no-capacity",
		sound:  func(cfg *relay.Config) { cfg.Limits.Connections = doorLimit },
		broken: func(cfg *relay.Config) { cfg.Limits.Connections, cfg.Limits.SourceConnections = -1, -1 },
	},
	{
		name: "bodies that come slowly", do: sendSlowly, most: 0, counted: "lookup.refused malformed-request",
		sound: func(*relay.Config) {},
		broken: func(cfg *relay.Config) {
			cfg.Wrap = func(next http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if r.ContentLength == slowBody {
						_ = http.NewResponseController(w).SetReadDeadline(time.Time{})
						_, _ = io.Copy(io.Discard, r.Body)
						return
					}
					next.ServeHTTP(w, r)
				})
			}
		},
	},
	{
		name: "allocations without end", do: allocateMuch, most: relay.MaxAllocations, counted: "allocation.refused quota-reached",
		sound:  func(*relay.Config) {},
		broken: func(cfg *relay.Config) { cfg.Limits.SessionAllocations = -1 },
	},
	{
		name: "peers that are not SD-RTN", do: bindAnybody, most: 0, counted: "permission.refused peer-not-allowed",
		sound:  func(*relay.Config) {},
		broken: func(cfg *relay.Config) { cfg.Peers = append(cfg.Peers, netip.MustParsePrefix("0.0.0.0/0")) },
	},
	{
		name: "requests without a name", do: askNamelessly, most: 2 * (1000 + 1000), // a burst and a second's worth, of each
		sound:  func(*relay.Config) {},
		broken: func(cfg *relay.Config) { cfg.Limits.Strangers = -1 },
	},
}

// Strangers attack each door while users are in their calls: they get what the limits allow, the counters say what was
// refused, nobody else notices, and little memory is held. A cloud proxy without the limit is seen to have none.
func TestHostileStrangers(t *testing.T) {
	for _, a := range attacks {
		t.Run(a.name, func(t *testing.T) {
			got, refused := a.run(t, a.sound)
			require.LessOrEqual(t, got, a.most)
			if a.counted != "" {
				require.Positive(t, refused[a.counted], "%v", refused)
			}
			got, _ = a.run(t, a.broken)
			require.Greater(t, got, a.most, "the attack is none")
		})
	}
}

func (a attack) run(t *testing.T, change func(*relay.Config)) (got int, refusals map[string]int) {
	p := load.Plan{Users: 20, Enterprises: 2, Seed: 1, Ramp: time.Second, Hold: 40 * time.Second}.WithDefaults()
	var failed error
	var before, at uint64
	c := &crowd{plan: p, report: &load.Report{Plan: p, Failed: map[string]int{}, Refusals: map[string]int{}, Join: load.Times{}, Reconnect: load.Times{}}}
	c.change = []func(*relay.Config){change}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var running sync.WaitGroup
	c.during = func(held time.Duration) {
		switch held {
		case time.Second:
			before = inUse()
			strangers, err := c.fleet.strangers()
			if err != nil {
				failed = err
				return
			}
			running.Go(func() { got, err = a.do(context.Background(), strangers); failed = errors.Join(failed, err) })
		case 8 * time.Second:
			at = inUse()
		case p.Hold - time.Second:
			running.Wait()
		}
	}
	require.NoError(t, c.run(ctx, func(string) {}))
	require.NoError(t, failed)
	r := c.report
	require.Empty(t, r.Failed)
	require.Empty(t, r.Wrong)
	require.Zero(t, r.Lost, "a user in a call has noticed")
	require.Equal(t, r.Media.Sent, r.Media.Returned)
	t.Logf("got %d; %v; %d KB held", got, r.Refusals, (int64(at)-int64(before))/1000)
	if held, most := int64(at)-int64(before), int64(4<<20+got*24<<10); held > most {
		t.Errorf("%d bytes are held: expected at most %d, both ends of what it got included", held, most)
	}
	return got, r.Refusals
}

// strangers puts a few computers on the internet. They look the way up, before there is any trouble.
func (f *fleet) strangers() (all []*stranger, err error) {
	var hosts []*sim.Host
	f.net.Do(func() {
		for i := range 2 {
			h := f.net.Host(fmt.Sprintf("stranger-%d", i+1), netip.AddrFrom4([4]byte{203, 0, 113, byte(10 + i)}))
			f.net.Connect(h, f.core, sim.LinkConfig{Delay: internetDelay})
			hosts = append(hosts, h)
		}
	})
	for i, h := range hosts {
		s := &stranger{user: &user{fleet: f, host: h, number: i, appID: appID(0), channel: "nobody's", uid: fmt.Sprint("stranger-", i)}}
		if s.way, err = s.lookup(context.Background()); err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	return all, nil
}

// sayNothing opens connections at an edge and at both kinds of a relay's TCP ports, and counts those that are open a
// second later.
func sayNothing(ctx context.Context, strangers []*stranger) (open int, err error) {
	relayAt := strangers[0].way.Relays[0]
	var conns []net.Conn
	for _, at := range []string{
		netip.AddrPortFrom(nth(edgeBlock, 1), 443).String(),
		net.JoinHostPort(relayAt.Address, "443"), net.JoinHostPort(relayAt.Address, fmt.Sprint(relayAt.TCPPorts[0])),
	} {
		volley := max(100, *silent/20)
		for i := 0; i < *silent; i += volley {
			var mu sync.Mutex
			var dialling sync.WaitGroup
			for j := range min(volley, *silent-i) {
				dialling.Go(func() {
					conn, dialled := strangers[j%len(strangers)].host.DialContext(ctx, "tcp", at)
					mu.Lock()
					defer mu.Unlock()
					if err = errors.Join(err, dialled); dialled == nil {
						conns = append(conns, conn)
					}
				})
			}
			dialling.Wait()
			if err != nil {
				return 0, err
			}
		}
		time.Sleep(time.Second)
		for _, conn := range conns {
			_ = conn.SetReadDeadline(time.Now().Add(time.Millisecond))
			var timeout net.Error
			if _, err := conn.Read(make([]byte, 1)); errors.As(err, &timeout) && timeout.Timeout() {
				open++
			}
			conn.Close()
		}
		conns = nil
	}
	return open, nil
}

const slowBody = 1000 // bytes

// sendSlowly begins lookups whose bodies come a byte a second, and counts those that are still taken after 20 s.
func sendSlowly(ctx context.Context, strangers []*stranger) (open int, err error) {
	edge := netip.AddrPortFrom(nth(edgeBlock, 1), 443).String()
	var conns []net.Conn
	for i := range 50 {
		conn, err := strangers[i%len(strangers)].dialTLS(ctx, edge)
		if err != nil {
			return 0, err
		}
		conns = append(conns, conn)
		fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n", relay.LookupPath, slowBody)
	}
	for range 20 {
		time.Sleep(time.Second)
		for _, conn := range conns {
			_, _ = conn.Write([]byte(" "))
		}
	}
	for _, conn := range conns {
		if _, err := conn.Write([]byte(" ")); err == nil {
			open++
		}
		conn.Close()
	}
	return open, nil
}

// allocateMuch makes allocations with one session at one relay, and counts them.
func allocateMuch(_ context.Context, strangers []*stranger) (got int, err error) {
	var conns []*allocation
	defer func() {
		for _, a := range conns {
			a.free()
			a.conn.Close()
		}
	}()
	for range relay.MaxAllocations + 50 {
		a, err := strangers[0].allocation(netip.AddrPortFrom(strangers[0].fleet.gateways[0], echoPort))
		var refused *refusedError
		switch {
		case err == nil:
			got++
			conns = append(conns, a)
		case !errors.As(err, &refused) || refused.code != stun.CodeAllocQuotaReached:
			return got, err
		}
	}
	return got, nil
}

// allocation makes an allocation at the first relay, with a channel to a peer.
func (s *stranger) allocation(peer netip.AddrPort) (*allocation, error) {
	server := s.way.ICEServers[0]
	at, err := overUDP(server)
	if err != nil {
		return nil, err
	}
	conn, err := s.host.Dial("udp", at)
	if err != nil {
		return nil, err
	}
	a, err := allocate(conn, server.Username, server.Credential, peer, func([]byte) {})
	if err != nil {
		if a != nil {
			a.free()
		}
		conn.Close()
	}
	return a, err
}

// bindAnybody asks for channels to whom a relay must not reach, and counts those that it gets.
func bindAnybody(_ context.Context, strangers []*stranger) (got int, err error) {
	for _, peer := range []string{
		"127.0.0.1", "0.0.0.0", "10.0.0.1", "169.254.169.254", "192.168.0.1", "224.0.0.1", "255.255.255.255",
		nth(relayBlock, 1).String(), nth(relayBlock, 2).String(), nth(edgeBlock, 1).String(), "203.0.113.10",
	} {
		a, err := strangers[0].allocation(netip.AddrPortFrom(netip.MustParseAddr(peer), 9))
		var refused *refusedError
		switch {
		case err == nil:
			got++
			a.free()
			a.conn.Close()
		case !errors.As(err, &refused) || refused.code != stun.CodeForbidden:
			return got, fmt.Errorf("a channel to %s: %w", peer, err)
		}
	}
	return got, nil
}

// askNamelessly sends 5,000 requests without credentials from each of two computers at once, and counts the answers.
func askNamelessly(_ context.Context, strangers []*stranger) (answers int, err error) {
	at, err := overUDP(strangers[0].way.ICEServers[0])
	if err != nil {
		return 0, err
	}
	request := stun.MustBuild(stun.TransactionID, stun.NewType(stun.MethodAllocate, stun.ClassRequest))
	var conns []net.Conn
	for _, s := range strangers {
		conn, err := s.host.Dial("udp", at)
		if err != nil {
			return 0, err
		}
		defer conn.Close()
		conns = append(conns, conn)
	}
	buf := make([]byte, 1500)
	for range 50 {
		for _, conn := range conns {
			for range 100 {
				_, _ = conn.Write(request.Raw)
			}
		}
		time.Sleep(10 * time.Millisecond)
		for _, conn := range conns {
			for {
				_ = conn.SetReadDeadline(time.Now().Add(time.Millisecond))
				if n, err := conn.Read(buf); err != nil {
					break
				} else if n > 3*len(request.Raw)+64 {
					return answers, fmt.Errorf("%d bytes answer %d", n, len(request.Raw))
				}
				answers++
			}
		}
	}
	return answers, nil
}
