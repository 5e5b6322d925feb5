package reports

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/conformance/result"
	"github.com/proxyspec/proxyspec/conformance/timeline"
)

// known are the hosts of the ladders below. A line of a case's script names them.
var known = []result.Host{
	{Name: "relay-1", Addrs: []netip.Addr{netip.MustParseAddr("192.0.2.138")}},
	{Name: "bob", Addrs: []netip.Addr{netip.MustParseAddr("203.0.113.20")}},
	{Name: "gateway-1", Addrs: []netip.Addr{netip.MustParseAddr("198.51.100.11")}},
	{Name: "edge-1", Addrs: []netip.Addr{netip.MustParseAddr("192.0.2.17")}},
	{Name: "printer", Addrs: []netip.Addr{netip.MustParseAddr("10.10.0.9")}},
	{Name: "alice", Addrs: []netip.Addr{netip.MustParseAddr("10.10.0.2")}},
}

const (
	alice     = "10.10.0.2:40000"
	printer   = "10.10.0.9:631"
	edge1     = "192.0.2.17:443"
	relay1    = "192.0.2.138:3478"
	relayed   = "192.0.2.138:50000"
	gateway1  = "198.51.100.11:50100"
	bobAddr   = "203.0.113.20:40000"
	somebody  = "203.0.113.99:9"
	inOffice  = "10.10.0.77:9"
	noAddress = ""
)

func at(address string) netip.AddrPort {
	if address == noAddress {
		return netip.AddrPort{}
	}
	return netip.MustParseAddrPort(address)
}

func packet(proto, from, to, flags, verdict, rule string) timeline.Event {
	return timeline.Event{
		Kind: timeline.KindPacket, Actor: "firewall", Name: "packet", Proto: proto,
		From: at(from), To: at(to), Flags: flags, Verdict: verdict, Rule: rule, Length: 100,
	}
}

func logged(actor, name, from, to string) timeline.Event {
	return timeline.Event{Kind: timeline.KindProxy, Actor: actor, Name: name, From: at(from), To: at(to)}
}

func heard(name, user, from string) timeline.Event {
	return timeline.Event{Kind: timeline.KindSDRTN, Actor: "gateway-1", Name: name, User: user, From: at(from)}
}

func said(kind timeline.Kind, name, code string) timeline.Event {
	return timeline.Event{Kind: kind, Actor: "alice", Name: name, Code: code, Call: 1}
}

// draw lists the rows of a ladder: "1 alice > edge-1 allow TCP 443 SYN".
func draw(events ...timeline.Event) []string {
	for i := range events {
		events[i].Seq, events[i].At = i+1, time.Duration(i)*time.Millisecond
	}
	l := ladderOf(result.Case{Hosts: known, Ladder: events})
	var rows []string
	for _, r := range l.Rows {
		ends := ""
		switch r.Shape {
		case arrow:
			ends = l.Lanes[r.From].Name + " > " + l.Lanes[r.To].Name
		case denied:
			ends = l.Lanes[r.From].Name + " x " + l.Lanes[r.Via].Name
		case mark:
			ends = l.Lanes[r.From].Name
		}
		rows = append(rows, strings.Join(strings.Fields(fmt.Sprint(r.Phase, " ", ends, " ", r.Class, " ", r.Label)), " "))
	}
	return rows
}

func TestLanesStandFromTheClientToTheFarEnd(t *testing.T) {
	l := ladderOf(result.Case{Hosts: known, Ladder: []timeline.Event{
		packet("UDP", bobAddr, somebody, "", "allow", ""),
		heard("joined", "1", relayed),
		packet("TCP", printer, edge1, "", "drop", "default"),
		packet("TCP", inOffice, alice, "", "allow", ""),
		said(timeline.KindCall, "join", ""),
		{Kind: timeline.KindWorld, Actor: "suite", Name: "policy"},
	}})
	var names []string
	for _, lane := range l.Lanes {
		names = append(names, lane.Name)
	}
	require.Equal(t, []string{"alice", "10.10.0.77", "printer", "firewall", "edge-1", "relay-1", "gateway-1", "203.0.113.99", "bob"}, names)
	require.Equal(t, "10.10.0.2", l.Lanes[0].Address)
}

func TestTheFourSteps(t *testing.T) {
	require.Equal(t, []string{
		"1 alice > edge-1 allow TCP 443 SYN",
		"0 edge-1 > alice allow TCP 443 SYN ACK", // a handshake is no answer
		"1 alice > edge-1 log lookup.received",
		"2 edge-1 > alice log lookup.answered",
		"2 edge-1 > alice allow TCP 443",
		"3 alice > relay-1 allow UDP 3478",
		"0 relay-1 > alice allow UDP 3478", // nor is an allocation data
		"0 relay-1 > alice log allocation.created",
		"3 alice > relay-1 log media.up",
		"3 relay-1 > gateway-1 log UDP 50100",
		"3 relay-1 > gateway-1 log joined 1001",
		"4 gateway-1 > relay-1 log message.out 1001",
		"4 relay-1 > alice log media.down",
		"4 relay-1 > alice allow UDP 3478",
	}, draw(
		packet("TCP", alice, edge1, "SYN", "allow", "T4"),
		packet("TCP", edge1, alice, "SYN ACK", "allow", "established"),
		logged("edge-1", "lookup.received", alice, edge1),
		logged("edge-1", "lookup.answered", alice, edge1),
		packet("TCP", edge1, alice, "ACK", "allow", "established"),
		packet("UDP", alice, relay1, "", "allow", "T8"),
		packet("UDP", relay1, alice, "", "allow", "established"),
		logged("relay-1", "allocation.created", alice, relay1),
		logged("relay-1", "media.up", alice, relay1),
		timeline.Event{Kind: timeline.KindPacket, Actor: "gateway-1", Name: "heard", Proto: "UDP", From: at(relayed), To: at(gateway1)},
		heard("joined", "1001", relayed),
		heard("message.out", "1001", relayed),
		logged("relay-1", "media.down", alice, relay1),
		packet("UDP", relay1, alice, "", "allow", "established"),
	))
}

func TestDirectTrafficIsNoStep(t *testing.T) {
	require.Equal(t, []string{
		"0 alice > gateway-1 allow UDP 50100",
		"0 alice > gateway-1 log joined 1001",
	}, draw(packet("UDP", alice, gateway1, "", "allow", "any"), heard("joined", "1001", alice)))
}

func TestWhatTheFirewallStops(t *testing.T) {
	require.Equal(t, []string{
		"3 alice x firewall drop UDP 3478 × 3, to relay-1: dropped by rule default",
		"3 alice x firewall reject TCP 3478 SYN, to relay-1: rejected by rule no TCP",
		"0 bob x firewall drop ICMP, to alice: dropped by rule default",
	}, draw(
		packet("UDP", alice, relay1, "", "drop", "default"),
		packet("UDP", alice, relay1, "", "drop", "default"),
		packet("TCP", alice, relay1, "SYN", "reject", "no TCP"),
		packet("UDP", alice, relay1, "", "drop", "default"),
		packet("ICMP", "203.0.113.20:0", "10.10.0.2:0", "", "drop", "default"),
	))
}

func TestPacketsOfOneKindAreOneArrowUntilSomethingElseHappens(t *testing.T) {
	up := packet("UDP", alice, relay1, "", "allow", "established")
	down := packet("UDP", relay1, alice, "", "allow", "established")
	require.Equal(t, []string{
		"3 alice > relay-1 allow UDP 3478 × 3",
		"0 relay-1 > alice allow UDP 3478 × 2",
		"0 alice call publish()",
		"3 alice > relay-1 allow UDP 3478",
	}, draw(up, down, up, down, up, said(timeline.KindCall, "publish", ""), up))
}

func TestCallsAndTheirResults(t *testing.T) {
	require.Equal(t, []string{
		"0 alice call init() returned",
		"0 alice error startProxyServer() INVALID_OPERATION",
		"0 alice call join()",
		"0 alice log connection-state: CONNECTED",
		"0 alice error join() TIMEOUT",
	}, draw(
		said(timeline.KindCall, "init", ""), said(timeline.KindResult, "init", ""),
		said(timeline.KindCall, "startProxyServer", ""), said(timeline.KindResult, "startProxyServer", "INVALID_OPERATION"),
		said(timeline.KindCall, "join", ""),
		timeline.Event{Kind: timeline.KindNotice, Actor: "alice", Name: "connection-state", Detail: "CONNECTED"},
		said(timeline.KindResult, "join", "TIMEOUT"),
	))
}

func TestWhatHasNoPlaceIsABand(t *testing.T) {
	require.Equal(t, []string{
		"0 step alice joins",
		"0 world policy: whitelist",
		"0 relay-1 error server.error: tls",
	}, draw(
		timeline.Event{Kind: timeline.KindStep, Actor: "suite", Name: "step", Detail: "alice joins"},
		timeline.Event{Kind: timeline.KindWorld, Actor: "suite", Name: "policy", Detail: "whitelist"},
		timeline.Event{Kind: timeline.KindProxy, Actor: "relay-1", Name: "server.error", Code: "tls"},
	))
}

func TestALongLadderIsCutInTheMiddleAndSaysSo(t *testing.T) {
	var events []timeline.Event
	for i := range 1000 {
		events = append(events, said(timeline.KindNotice, fmt.Sprintf("notice-%d", i), ""))
	}
	rows := draw(events...)
	require.Len(t, rows, mostRungs+1)
	require.Equal(t, "0 alice log notice-159", rows[headRungs-1])
	require.Equal(t, "0 cut 760 rows are left out here; the timeline has them all", rows[headRungs])
	require.Equal(t, "0 alice log notice-920", rows[headRungs+1])
	require.Equal(t, "0 alice log notice-999", rows[len(rows)-1])
}

func TestNoEventsNoDrawing(t *testing.T) {
	require.Empty(t, ladderOf(result.Case{}).SVG("nothing"))
}
