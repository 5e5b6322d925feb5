package world

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"net/netip"
	"slices"

	"github.com/proxyspec/proxyspec/conformance/contract"
	"github.com/proxyspec/proxyspec/conformance/timeline"
	"github.com/proxyspec/proxyspec/relay"
	"github.com/proxyspec/proxyspec/sim"
	"github.com/proxyspec/proxyspec/sim/firewall"
	"github.com/proxyspec/proxyspec/sim/kernel"
	"github.com/proxyspec/proxyspec/sim/policy"
)

// EventConfined is the timeline's event that tells what was found where alice's SDK was about to run.
const EventConfined = "confined"

// documented has by address of the document's table a documentation address (RFC 5737). The vendor's production
// addresses are such addresses here, too: where clients are told of those, benchmarked stands for the table, addresses for
// benchmarks (RFC 2544) that end alike.
var documented, benchmarked = policy.StandIns(), forBenchmarks(policy.StandIns())

func forBenchmarks(standIns map[netip.Addr]netip.Addr) map[netip.Addr]netip.Addr {
	block := map[byte]byte{192: 1, 198: 2, 203: 3} // one for each of RFC 5737
	for original, standIn := range standIns {
		a := standIn.As4()
		standIns[original] = netip.AddrFrom4([4]byte{198, 18, block[a[0]], a[3]})
	}
	return standIns
}

// standIns is by address of the document's table what a real kernel sees in its place.
func (w *World) standIns() map[netip.Addr]netip.Addr {
	if w.setup.Production || w.setup.Named || w.setup.RelaysMoved {
		return benchmarked
	}
	return documented
}

// real tells whether alice's SDK is a program with a kernel of its own. The world then lives in real time, and what
// it tells that program speaks of stand-ins.
func (w *World) real() bool { return w.cfg.Remote != nil }

// port puts a port of the network in alice's place: her kernel is beyond it.
func (w *World) port(p Place, to *sim.Router) *sim.Link {
	w.device = kernel.Renumber()
	w.names[p.Addr] = p.Name
	port := w.net.Port(p.Name, w.device, netip.PrefixFrom(p.Addr, 32))
	w.run(w.carries, "the port of "+p.Name, port.Serve)
	return w.net.Connect(port, to, sim.LinkConfig{Delay: lanDelay})
}

// seen is the address at which a host's program finds another: a stand-in where a real kernel carries the packets.
func (w *World) seen(from, site netip.Addr) netip.Addr {
	if w.real() && (Office.Contains(from) || from == OfficeNAT) {
		if standIn, ok := w.standIns()[site]; ok {
			return standIn
		}
	}
	return site
}

// Remote is an SDK under test that is no part of this process and has a kernel of its own. A world calls Open, Look,
// Enter and Close once each, in this order; the next world may be given the same Remote.
type Remote interface {
	// Open starts what holds the SDK, or takes up what runs already, and returns the device of its kernel. The device
	// is closed when the world ends. log takes what the SDK says beside the contract.
	Open(at kernel.Site, log func(contract.Log)) (device io.ReadWriteCloser, err error)
	// Look shows what the SDK can reach there.
	Look(kernel.Expect) (kernel.Proof, error)
	// Enter lets the SDK begin, and returns the stream of its session, which the world closes.
	Enter() (io.ReadWriteCloser, error)
	// Close ends what this world used of it.
	Close() error
}

// confine lets alice's SDK begin, once it has been shown that what it is in holds.
func (w *World) confine(log func(contract.Log)) (io.ReadWriteCloser, error) {
	remote, addr := w.cfg.Remote, people[0].Addr
	device, err := remote.Open(kernel.Site{Address: addr, DNS: officeDNS.Addr}, log)
	if err != nil {
		return nil, err
	}
	w.device.Attach(device, w.standIns())
	before := w.unrecorded.Swap(true) // the look is ours: it isn't the SDK that sends
	back := w.near()
	proof, err := remote.Look(w.expect(addr))
	back()
	w.net.Do(w.office.wall.Flush)
	w.unrecorded.Store(before)
	if err == nil {
		w.note(EventConfined, proof.String())
		var stream io.ReadWriteCloser
		if stream, err = remote.Enter(); err == nil {
			return stream, nil
		}
	}
	return nil, errors.Join(err, remote.Close())
}

// near makes the way to the relay that is looked for short and sound, for a look isn't concerned with distances, until back
// is called.
func (w *World) near() (back func()) {
	relay := w.mediaRelay().Name
	uplink, last := w.uplink.Config(w.wall), w.links[relay].Config(w.hosts[relay])
	w.uplink.Set(sim.LinkConfig{})
	w.links[relay].Set(sim.LinkConfig{Loss: last.Loss}) // it may be cut off
	return func() {
		w.uplink.Set(uplink)
		w.links[relay].Set(last)
	}
}

// expect is what the policy lets a program reach, and some of what it doesn't: a gateway past the proxy, a relay's
// shell, an address of nobody's. Whoever would log it isn't asked.
func (w *World) expect(from netip.Addr) kernel.Expect {
	var e kernel.Expect
	whole, named := w.serving[Inspector] == nil, true // nothing has been broken yet, the name server hasn't
	for _, event := range w.Timeline.Events() {
		if event.Name == EventStopped || event.Name == EventCut {
			whole, named = false, named && event.Detail != officeDNS.Name
		}
	}
	if named { // its answer comes after all else that a look sends: without it some would be taken for the SDK's
		e.Name = ProxyName
	}
	_, relays := w.CloudProxy()
	wall, err := firewall.New(w.Policy(), firewall.Timeouts{})
	if err != nil {
		return e // SetPolicy has refused such a policy before
	}
	media := netip.AddrPortFrom(w.mediaRelay().Addr, uint16(relay.TCPPorts[len(relay.TCPPorts)-1]))
	for _, to := range []netip.AddrPort{
		media, netip.AddrPortFrom(Gateways[0].Addr, 443), netip.AddrPortFrom(relays[0].Addr, 22), netip.AddrPortFrom(unused, 443),
	} {
		verdict := wall.Decide(w.Timeline.Start(), firewall.Packet{
			Proto: firewall.TCP, Src: netip.AddrPortFrom(from, 40000), Dst: to, Flags: firewall.SYN})
		at := netip.AddrPortFrom(w.seen(from, to.Addr()), to.Port())
		switch {
		case verdict.Action != firewall.Allow || to.Addr() == unused:
			e.Closed = append(e.Closed, at)
		case to == media && whole:
			e.Open = append(e.Open, at)
		}
	}
	return e
}

// mediaRelay is the relay that a look reaches for.
func (w *World) mediaRelay() Place {
	_, relays := w.CloudProxy()
	return relays[len(relays)-1]
}

// unused is an address of the internet at which there is no host.
var unused = netip.MustParseAddr("192.0.2.99")

// strays says which addresses of the document's the SDK sent packets to although its stand-ins were there.
func (w *World) strays() {
	strays := w.device.Strays()
	for _, addr := range slices.SortedFunc(maps.Keys(strays), netip.Addr.Compare) {
		w.Timeline.Add(timeline.Event{Kind: timeline.KindWorld, Actor: Alice, Name: "stray packets", Count: strays[addr],
			Detail: fmt.Sprintf("sent to %v, which belongs to a third party: here %v stands for it, and the packets were dropped", addr, w.standIns()[addr])})
	}
}
