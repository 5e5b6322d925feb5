package steps

import (
	"fmt"
	"time"

	"github.com/proxyspec/proxyspec/conformance/contract"
	"github.com/proxyspec/proxyspec/conformance/result"
	"github.com/proxyspec/proxyspec/conformance/runner"
	"github.com/proxyspec/proxyspec/conformance/timeline"
	"github.com/proxyspec/proxyspec/conformance/world"
	"github.com/proxyspec/proxyspec/fakes/sdrtn"
)

// countSteps compare what was sent with what arrived, packet by packet.
func (s *scene) countSteps() []runner.Definition {
	return []runner.Definition{
		{
			Expr: `^in (\d+) seconds SD-RTN gets every packet of alice's audio and video$`,
			Do:   s.upstreamCounts,
			Says: "By the packets' own sequence numbers none is missing; and the SDK's counts agree with the gateway's but for what is under way when they are read, at most a quarter of a second's.",
		},
		{
			Expr: `^in (\d+) seconds alice counts every packet and frame of bob's audio and video that SD-RTN sends her$`,
			Do:   s.downstreamCounts,
			Says: "Bob is muted before and after, so that nothing is under way when gateway and SDK are read: the counts of the time between must be the same.",
		},
	}
}

// counts is what was counted of one track.
type counts struct{ packets, frames, missing int }

func (c counts) minus(before counts) counts {
	return counts{c.packets - before.packets, c.frames - before.frames, c.missing - before.missing}
}

func (c counts) String() string { return fmt.Sprintf("%d packets and %d frames", c.packets, c.frames) }

// kinds of media, as gateways and SDKs count them.
var kinds = []string{"audio", "video"}

// reading is the counts at both ends, by kind. The SDK takes its time to answer: its counts are of some instant
// between the two at which the gateways were read.
type reading struct{ sdk, before, gateway map[string]counts }

// read asks alice's SDK and the gateways for their counts of one direction.
func (s *scene) read(up bool) (reading, error) {
	r := reading{map[string]counts{}, map[string]counts{}, map[string]counts{}}
	if up {
		s.world.LogTotals()
		for _, k := range kinds {
			r.before[k] = s.gatewayCounts(sdrtn.EventMediaIn, "", k)
		}
	}
	stats, err := s.stats(world.Alice)
	s.world.LogTotals()
	for _, k := range kinds {
		if up {
			r.sdk[k], r.gateway[k] = track(stats.Sent, k), s.gatewayCounts(sdrtn.EventMediaIn, "", k)
		} else {
			r.sdk[k], r.gateway[k] = track(stats.Received["bob"], k), s.gatewayCounts(sdrtn.EventMediaOut, "bob", k)
		}
	}
	return r, err
}

// gatewayCounts is what the gateways last logged of a track: what came in from alice, or what went out to
// her of a peer's.
func (s *scene) gatewayCounts(name, peer, kindOfMedia string) (c counts) {
	all := s.find(kind(timeline.KindSDRTN), named(name), about(world.Alice), media(kindOfMedia),
		func(e *timeline.Event) bool { return e.Peer == peer })
	if len(all) > 0 {
		last := all[len(all)-1]
		return counts{last.Count, last.Frames, last.Missing}
	}
	return counts{}
}

func track(m contract.MediaStats, kind string) counts {
	t := m.Audio
	if kind == "video" {
		t = m.Video
	}
	return counts{packets: t.Packets, frames: t.Frames}
}

func (s *scene) upstreamCounts(seconds int) error {
	while, err := lasting(seconds, time.Second, "seconds")
	if err != nil {
		return err
	}
	before, err := s.read(true)
	if err != nil {
		return err
	}
	time.Sleep(while)
	now, err := s.read(true)
	if err != nil {
		return err
	}
	for _, k := range kinds {
		sent, got := now.sdk[k].minus(before.sdk[k]), now.gateway[k].minus(before.before[k])
		least := now.before[k].minus(before.gateway[k])
		if got.packets > 0 && got.missing == 0 &&
			near(sent.packets, least.packets, got.packets, seconds) && near(sent.frames, least.frames, got.frames, seconds) {
			continue
		}
		return s.countsDiffer(k, fmt.Sprintf("in %d seconds SD-RTN gets what alice sends", seconds),
			fmt.Sprintf("she counts %v as sent; SD-RTN got %v, and %d packets are missing", sent, got, got.missing))
	}
	return nil
}

func (s *scene) downstreamCounts(seconds int) error {
	while, err := lasting(seconds, time.Second, "seconds")
	if err != nil {
		return err
	}
	var at [2]reading
	for i := range at {
		if err := s.mute("bob", "mutes"); err != nil {
			return err
		}
		time.Sleep(settling)
		if at[i], err = s.read(false); err != nil {
			return err
		}
		if err := s.mute("bob", "unmutes"); err != nil {
			return err
		}
		if i == 0 {
			time.Sleep(while)
		}
	}
	for _, k := range kinds {
		sent, got := at[1].gateway[k].minus(at[0].gateway[k]), at[1].sdk[k].minus(at[0].sdk[k])
		if sent.packets > 0 && sent.packets == got.packets && sent.frames == got.frames {
			continue
		}
		return s.countsDiffer(k, fmt.Sprintf("in %d seconds alice counts what SD-RTN sends her", seconds),
			fmt.Sprintf("SD-RTN sent %v; she counts %v", sent, got))
	}
	return nil
}

func (s *scene) countsDiffer(kindOfMedia, expected, actual string) error {
	return &result.Failure{
		Message: "the counts of " + kindOfMedia + " differ", Expected: expected, Actual: actual,
		Events:  few(append(s.failedCalls(), s.find(kind(timeline.KindSDRTN), named(sdrtn.EventMediaFirst, sdrtn.EventMediaIn, sdrtn.EventMediaOut))...)),
		Decides: firstOf(s.failedCalls()),
	}
}

// near tells whether what was sent in some seconds is from least to most that arrived, but for what a quarter of a
// second brings: both ends are read while packets are under way.
func near(sent, least, most, seconds int) bool {
	slack := max(1, (max(sent, most)+4*seconds-1)/(4*seconds))
	return least-slack <= sent && sent <= most+slack
}
