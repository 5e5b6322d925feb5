package reports_test

import (
	"fmt"
	"net/netip"
	"os"
	"time"

	"github.com/proxyspec/proxyspec/conformance/catalogue"
	"github.com/proxyspec/proxyspec/conformance/result"
	"github.com/proxyspec/proxyspec/conformance/timeline"
)

// world is who is who in the sample's cases.
var world = []result.Host{
	{Name: "alice", Addrs: addrs("10.10.0.2")},
	{Name: "firewall", Addrs: addrs("10.10.0.1")},
	{Name: "office-dns", Addrs: addrs("10.10.0.53")},
	{Name: "printer", Addrs: addrs("10.10.0.9")},
	{Name: "edge-1", Addrs: addrs("47.74.211.17")},
	{Name: "edge-2", Addrs: addrs("52.80.192.229")},
	{Name: "relay-1", Addrs: addrs("23.236.115.138")},
	{Name: "relay-2", Addrs: addrs("148.153.66.218")},
	{Name: "gateway-1", Addrs: addrs("198.51.100.11")},
	{Name: "bob", Addrs: addrs("203.0.113.20")},
}

func addrs(list ...string) (out []netip.Addr) {
	for _, a := range list {
		out = append(out, netip.MustParseAddr(a))
	}
	return out
}

// script writes a timeline as a world would.
type script struct {
	events []timeline.Event
	at     time.Duration
}

func (s *script) add(e timeline.Event) timeline.Event {
	e.Seq, e.At = len(s.events)+1, s.at
	s.events = append(s.events, e)
	return e
}

func (s *script) wait(d time.Duration) { s.at += d }

func (s *script) step(text string) {
	s.add(timeline.Event{Kind: timeline.KindStep, Actor: "suite", Name: "step", Detail: text})
}

func (s *script) packet(proto, from, to, flags, verdict, rule string, length int) timeline.Event {
	return s.add(timeline.Event{
		Kind: timeline.KindPacket, Actor: "firewall", Name: "packet", Proto: proto, Flags: flags,
		From: netip.MustParseAddrPort(from), To: netip.MustParseAddrPort(to),
		Verdict: verdict, Rule: rule, Length: length,
	})
}

func (s *script) log(actor, name, purpose, from, to string) timeline.Event {
	return s.add(timeline.Event{
		Kind: timeline.KindProxy, Actor: actor, Name: name, Purpose: purpose, Session: "s-7f3a",
		From: netip.MustParseAddrPort(from), To: netip.MustParseAddrPort(to),
	})
}

func (s *script) sdrtn(name, user, from string) timeline.Event {
	return s.add(timeline.Event{
		Kind: timeline.KindSDRTN, Actor: "gateway-1", Name: name, User: user, From: netip.MustParseAddrPort(from),
	})
}

func (s *script) call(name, detail string) {
	s.add(timeline.Event{Kind: timeline.KindCall, Actor: "alice", Name: name, Detail: detail})
}

func (s *script) result(name, code, detail string) timeline.Event {
	return s.add(timeline.Event{Kind: timeline.KindResult, Actor: "alice", Name: name, Code: code, Detail: detail})
}

// join is steps 1 to 4 of a proxied join.
func (s *script) join() {
	const aliceTCP, edge1, edge2, relay1 = "10.10.0.2:40001", "47.74.211.17:443", "52.80.192.229:443", "23.236.115.138:443"
	s.call("startProxyServer", "")
	s.result("startProxyServer", "", "")
	s.call("join", `{"client":"1","channel":"town-hall"}`)
	s.packet("TCP", aliceTCP, edge1, "SYN", "allow", "T4", 60)
	s.packet("TCP", "10.10.0.2:40002", edge2, "SYN", "allow", "T5", 60)
	s.wait(20 * time.Millisecond)
	s.packet("TCP", edge1, aliceTCP, "SYN ACK", "allow", "established", 60)
	s.packet("TCP", aliceTCP, edge1, "ACK", "allow", "established", 412)
	s.packet("TCP", aliceTCP, edge1, "ACK", "allow", "established", 640)
	s.wait(12 * time.Millisecond)
	s.log("edge-1", "lookup.received", "lookup", aliceTCP, edge1)
	s.log("edge-1", "lookup.answered", "lookup", aliceTCP, edge1)
	s.packet("TCP", edge1, aliceTCP, "ACK", "allow", "established", 1320)
	s.wait(20 * time.Millisecond)
	s.packet("TCP", "10.10.0.2:40003", relay1, "SYN", "allow", "T1", 60)
	s.wait(31 * time.Millisecond)
	s.packet("TCP", "10.10.0.2:40003", relay1, "ACK", "allow", "established", 840)
	s.log("relay-1", "messages.opened", "messages", "10.10.0.2:40003", relay1)
	s.log("relay-1", "messages.up", "messages", "10.10.0.2:40003", relay1)
	s.sdrtn("connected", "", "23.236.115.138:50000")
	s.sdrtn("joined", "1001", "23.236.115.138:50000")
	s.wait(18 * time.Millisecond)
	s.log("relay-1", "messages.down", "messages", "10.10.0.2:40003", relay1)
	s.packet("TCP", relay1, "10.10.0.2:40003", "ACK", "allow", "established", 220)
	s.wait(20 * time.Millisecond)
	s.result("join", "", `{"uid":"1001"}`)
	s.add(timeline.Event{Kind: timeline.KindNotice, Actor: "alice", Name: "connection-state", Detail: "CONNECTED"})
}

// proxied is a call that goes as documented.
func proxied() []timeline.Event {
	var s script
	s.add(timeline.Event{Kind: timeline.KindWorld, Actor: "suite", Name: "policy", Detail: "cloud proxy whitelist"})
	s.step(`alice starts the cloud proxy and joins "town-hall"`)
	s.join()
	s.step("alice publishes audio and video")
	s.call("publish", `{"audio":true,"video":true}`)
	s.packet("UDP", "10.10.0.2:41000", "23.236.115.138:3478", "", "allow", "T8", 128)
	s.wait(31 * time.Millisecond)
	s.log("relay-1", "allocation.created", "media", "10.10.0.2:41000", "23.236.115.138:3478")
	s.log("relay-1", "media.up", "media", "10.10.0.2:41000", "23.236.115.138:3478")
	for range 40 {
		s.packet("UDP", "10.10.0.2:41000", "23.236.115.138:3478", "", "allow", "established", 1120)
		s.wait(10 * time.Millisecond)
		s.packet("UDP", "23.236.115.138:3478", "10.10.0.2:41000", "", "allow", "established", 96)
		s.wait(10 * time.Millisecond)
	}
	s.sdrtn("media.first", "1001", "23.236.115.138:50200")
	s.log("relay-1", "media.down", "media", "10.10.0.2:41000", "23.236.115.138:3478")
	s.sdrtn("message.out", "1001", "23.236.115.138:50000")
	s.result("publish", "", "")
	s.step("everything that SD-RTN receives comes from relay addresses")
	return s.events
}

// leaking is a call whose media goes direct when UDP to the relays is closed.
func leaking() (all, proof []timeline.Event) {
	var s script
	s.add(timeline.Event{Kind: timeline.KindWorld, Actor: "suite", Name: "policy", Detail: "cloud proxy whitelist without UDP"})
	s.step(`alice starts the cloud proxy and joins "town-hall"`)
	s.join()
	s.step("alice publishes audio and video")
	s.call("publish", `{"audio":true,"video":true}`)
	for _, relay := range []string{"23.236.115.138:3478", "148.153.66.218:3478"} {
		for i := range 4 {
			e := s.packet("UDP", "10.10.0.2:41000", relay, "", "drop", "default", 128)
			if i == 0 {
				proof = append(proof, e)
			}
			s.wait(500 * time.Millisecond)
		}
	}
	s.packet("TCP", "10.10.0.2:40010", "23.236.115.138:3433", "SYN", "reject", "no media", 60)
	proof = append(proof, s.packet("UDP", "10.10.0.2:41000", "198.51.100.11:50100", "", "drop", "default", 1120))
	s.wait(8 * time.Second)
	proof = append(proof, s.result("publish", "GATEWAY_TIMEOUT", "no media path within 10 s"))
	s.packet("ICMP", "10.10.0.9:0", "203.0.113.20:0", "", "drop", "default", 84)
	return s.events, proof
}

// sample is a run with every outcome, judged.
func sample() *result.Run {
	leak, proof := leaking()
	pass := func(steps ...string) []result.Step { return stepsOf(result.Pass, steps...) }
	const seed = 11400714819323198485
	cases := []result.Case{
		{
			Feature: "Data travels through relays only", Path: "features/flow/data.feature", Line: 12,
			Name: "SD-RTN receives from relay addresses only", Requirements: []string{"CP-FLOW-04"}, Outcome: result.Pass,
			Steps:  pass("Given the enterprise firewall allows the cloud proxy whitelist", `When alice starts the cloud proxy and joins "town-hall"`, "And alice publishes audio and video", "Then everything that SD-RTN receives comes from relay addresses"),
			Ladder: proxied(),
			Paths: []result.PathCount{
				{From: "alice", To: "edge-1", Proto: "TCP", Port: 443, Packets: 9, Bytes: 2412},
				{From: "alice", To: "relay-1", Proto: "UDP", Port: 3478, Packets: 41, Bytes: 44928},
				{From: "relay-1", To: "alice", Proto: "UDP", Port: 3478, Packets: 40, Bytes: 3840},
			},
		},
		{
			Feature: "Data travels through relays only", Path: "features/flow/data.feature", Line: 31,
			Name: "With UDP closed no media goes direct", Requirements: []string{"CP-FLOW-08"}, Outcome: result.Fail,
			Steps: append(pass("Given the enterprise firewall allows the cloud proxy whitelist except ports 3478-3500", `When alice starts the cloud proxy and joins "town-hall"`, "And alice publishes audio and video"),
				result.Step{Keyword: "Then", Text: "no packet goes to SD-RTN directly", Line: 35, Outcome: result.Fail, Virtual: 30 * time.Second,
					Error: "1 packet to 198.51.100.11:50100: expected none"},
				result.Step{Keyword: "And", Text: "the SDK says that publishing failed", Line: 36, Outcome: result.NotRun}),
			Failure: &result.Failure{
				Step: "no packet goes to SD-RTN directly", Message: "alice sent media past the cloud proxy",
				Expected: "no packet from alice to a gateway", Actual: "1 UDP packet to 198.51.100.11:50100 (gateway-1)",
				Cause: "UDP 23.236.115.138:3478 and 148.153.66.218:3478 were dropped by the default rule; TCP 3433 was rejected; then the SDK tried its host candidate",
				Variants: []result.Variant{
					{Change: "UDP 3478 to relay-1 and relay-2 open", Outcome: result.Pass},
					{Change: "everything open", Outcome: result.Fail, Step: "no packet goes to SD-RTN directly"},
					{Change: `"4000" instead of "3478-3500"`, Outcome: result.Pass, Case: "sample/case-01"},
				},
				Events: proof, Replay: "proxyspec replay --sdk mutant:direct-media --seed 42 flow/data/with-udp-closed-no-media-goes-direct",
			},
			Ladder:      leak,
			MissingRows: []string{"T8", "T9", "T10"},
			Paths: []result.PathCount{
				{From: "alice", To: "gateway-1", Proto: "UDP", Port: 50100, Packets: 1, Bytes: 1120, Dropped: 1},
				{From: "alice", To: "relay-1", Proto: "UDP", Port: 3478, Packets: 4, Bytes: 512, Dropped: 4},
			},
		},
		{
			Feature: "The four proxy methods", Path: "features/api/times.feature", Line: 8,
			Name: "startProxyServer before join succeeds", Requirements: []string{"CP-API-01"}, Outcome: result.KnownFailure,
			Steps:   stepsOf(result.KnownFailure, "When alice starts the cloud proxy"),
			Failure: &result.Failure{Message: "startProxyServer failed: INVALID_OPERATION (expected: issue 12 of the SDK)"},
		},
		{
			Feature: "The four proxy methods", Path: "features/api/times.feature", Line: 20,
			Name: "stopProxyServer before join succeeds", Requirements: []string{"CP-API-05"}, Outcome: result.UnexpectedPass,
			Steps:   pass("When alice stops the cloud proxy"),
			Failure: &result.Failure{Message: "the expectations file says that this fails: remove its line", Replay: "proxyspec replay --seed 42 api/times/stopproxyserver-before-join-succeeds"},
		},
		{
			Feature: "The four proxy methods", Path: "features/api/times.feature", Line: 31,
			Name: "setTurnServer takes an array", Requirements: []string{"CP-CFG-06"}, Outcome: result.NotSupported,
			Steps: []result.Step{{Keyword: "When", Text: "alice sets two TURN servers", Line: 32, Outcome: result.NotSupported,
				Table: [][]string{{"turnServerURL", "udpport"}, {"turn-1.acme.example", "3478"}, {"a|b", ""}}}},
			Failure: &result.Failure{Message: "the SDK has no setTurnServer"},
		},
		{
			Feature: "The four proxy methods", Path: "features/api/times.feature", Line: 44,
			Name: "A refused stop clears nothing", Requirements: []string{"CP-API-26"}, Outcome: result.NotJudged,
			Steps: []result.Step{{Keyword: "When", Text: "alice stops the cloud proxy", Line: 45, Outcome: result.NotJudged,
				DocString: &result.DocString{MediaType: "yaml", Content: "rules:\n  - id: T1 <first>"}}},
			Failure: &result.Failure{Message: "the join ended before the stop was called, so it was not refused"},
		},
		{
			Feature: "Bad networks", Path: "features/res/idle.feature", Line: 5,
			Name: "A call holds for 24 hours <with & without loss>", Requirements: []string{"CP-RES-03"}, Outcome: result.NotRun,
			Failure: &result.Failure{Message: "soaks run with --tags @soak only"},
		},
		{
			Feature: "Bad networks", Path: "features/res/idle.feature", Line: 18,
			Name: "An idle connection that is cut comes back through the proxy", Requirements: []string{"CP-RES-09"}, Outcome: result.HarnessFault,
			Steps:   stepsOf(result.HarnessFault, "When the firewall cuts idle connections"),
			Failure: &result.Failure{Message: "the worker made no progress for 10 s and was ended", Actual: "goroutine 41 [sync.Mutex.Lock]:\nrelay.(*session).close\n\trelay/session.go:88"},
		},
		{
			Feature: "Bad networks", Path: "features/res/idle.feature", Line: 30,
			Name: "A relay dies (1)", Requirements: []string{"CP-RES-06"}, Outcome: result.Undefined,
			Steps:   stepsOf(result.Undefined, "When relay-1 explodes"),
			Failure: &result.Failure{Message: `no step is called "relay-1 explodes"; did you mean "relay-1 dies"?`},
		},
		{
			Feature: "Our own", Path: "acme/own.feature", Line: 3, Own: true,
			Name: "The meeting room joins", Outcome: result.Fail,
			Steps: stepsOf(result.Fail, "Then the meeting room is connected"),
			Failure: &result.Failure{Step: "the meeting room is connected", Message: "the meeting room is not connected",
				Variants: []result.Variant{
					{Change: "TCP 443 to relay-1 open", Outcome: result.Fail, Step: "the meeting room is connected"},
					{Change: "row T8 open", Outcome: result.Fail, Step: "the meeting room hears alice"},
					{Change: "everything open", Outcome: result.HarnessFault},
				},
				Replay: "proxyspec replay own/the-meeting-room-joins"},
		},
	}
	for i := range cases {
		c := &cases[i]
		c.ID = fmt.Sprintf("sample/case-%02d", i+1)
		c.Seed = seed + uint64(i)
		c.Hosts = world
		c.Tags = []string{"@sample"}
		c.Wall = time.Duration(i+1) * 3 * time.Millisecond
		c.Virtual = time.Duration(i+1) * 31 * time.Second
		c.Evidence = result.Evidence{Capture: "evidence/" + c.ID + "/capture.pcapng", Timeline: "evidence/" + c.ID + "/timeline.json"}
	}
	return judged(cases)
}

// judged makes a run of cases, with a small catalogue of their own.
func judged(cases []result.Case) *result.Run {
	all, err := catalogue.Load(os.DirFS("testdata"), "requirements.yaml")
	if err != nil {
		panic(err)
	}
	covered := make(map[string]int)
	for _, c := range cases {
		for _, id := range c.Requirements {
			covered[id]++
		}
	}
	for _, id := range []string{"CP-FW-01", "CP-FW-02", "CP-SEQ-01"} {
		covered[id]++ // in the suite, but not selected
	}
	run := &result.Run{
		Schema: result.Schema,
		Tool:   result.Tool{Name: "proxyspec", Version: "0.1.0", GoVersion: "go1.26.8"},
		SDK:    result.SDK{Selected: "mutant:direct-media", Name: "reference SDK, direct media", Version: "2.5.1", Adapter: "in process", Network: "virtual"},
		Suite: result.Suite{Name: "proxyspec", Scenarios: 392,
			Digest: "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"},
		Environment: result.Environment{OS: "linux", Arch: "amd64"},

		Seed:    42,
		Started: time.Date(2026, 11, 23, 6, 30, 0, 0, time.UTC),
		Wall:    4200 * time.Millisecond, Virtual: 26*time.Hour + 3*time.Minute,
		Stale: []string{"line 9, api/gone: there is no such scenario"},
		Expectations: []result.Expectation{{Line: 3, Scenario: "sample/no-such-case", Outcome: result.Fail, Reason: "not yet",
			Issue: "https://tracker.example/7", Expires: "2027-01-31"}},
		Profile:      &result.Profile{Claims: []string{"CP-FLOW", "CP-API", "CP-FW", "CP-SEQ", "CP-RES", "CP-LIST", "CP-PROV", "CP-VER", "CP-CFG", "CP-RLY", "CP-RPT"}},
		Requirements: all.Blank(covered),
		Cases:        cases,
	}
	result.Judge(run)
	return run
}

// stepsOf makes steps of which the last ends as said and the others passed.
func stepsOf(last result.Outcome, texts ...string) (steps []result.Step) {
	for i, text := range texts {
		keyword, rest := text, ""
		for j := range text {
			if text[j] == ' ' {
				keyword, rest = text[:j], text[j+1:]
				break
			}
		}
		s := result.Step{Keyword: keyword, Text: rest, Line: 10 + i, Outcome: result.Pass, Virtual: time.Duration(i) * 200 * time.Millisecond}
		if i == len(texts)-1 {
			s.Outcome = last
		}
		steps = append(steps, s)
	}
	return steps
}
