package steps

import (
	"fmt"
	"slices"
	"time"

	"github.com/proxyspec/proxyspec/conformance/contract"
	"github.com/proxyspec/proxyspec/conformance/result"
	"github.com/proxyspec/proxyspec/conformance/runner"
	"github.com/proxyspec/proxyspec/conformance/timeline"
	"github.com/proxyspec/proxyspec/conformance/world"
	"github.com/proxyspec/proxyspec/fakes/sdrtn"
)

func (s *scene) mediaSteps() []runner.Definition {
	return []runner.Definition{
		{
			Expr: `^(?P<user>\w+) publishes$`,
			Do:   s.publish,
			Says: "Publishes audio and video, and waits until the media path is up, or has failed, or its limit is over.",
		},
		{
			Expr: `^(?P<user>\w+) subscribes to (?P<user>\w+)$`,
			Do:   s.subscribe,
			Says: "Subscribes to another user's audio and video, and waits until the media path is up, or has failed, or its limit is over.",
		},
		{
			Expr: `^publishing succeeded$`,
			Do:   func() error { return s.succeeded(world.Alice, contract.MethodPublish, s.world.Limits.Media) },
			Says: "Alice's last publish succeeded within its limit.",
		},
		{
			Expr: `^publishing failed within its limit$`,
			Do:   s.publishFailed,
			Says: "Alice's last publish reported some error before its limit was over.",
		},
		{
			Expr: `^SD-RTN got no media from alice$`,
			Do:   s.noMedia,
			Says: "Watches for the watch time: no gateway got RTP of hers, nor a UDP packet from her computer.",
		},
		{
			Expr: `^alice's media passed the firewall on TCP ports (\d+-\d+) of the relays only$`,
			Do:   s.mediaOnTCP,
			Says: "Judges every packet with RTP of hers that the firewall let out. There must be one, or come soon.",
		},
		{
			Expr: `^(?P<user>\w+) receives (?P<user>\w+)'s audio and video$`,
			Do:   s.receivesMedia,
			Says: "Within 5 seconds the user's SDK counts whole frames of both.",
		},
		{
			Expr: `^in (\d+) seconds SD-RTN gets every packet of alice's audio and video that she counts as sent$`,
			Do:   s.upstreamCounts,
			Says: "Compares the SDK's own counts with the gateway's over that time. What is under way at either end, a quarter of a second's packets at most, isn't counted as lost.",
		},
		{
			Expr: `^in (\d+) seconds alice counts every packet and frame of bob's audio and video that SD-RTN sends her$`,
			Do:   s.downstreamCounts,
			Says: "Compares the gateway's counts with the SDK's own over that time, as above.",
		},
	}
}

func (s *scene) publish(who string) error {
	return s.mediaCall(who, contract.MethodPublish, who, func(client string) any {
		return contract.Publish{Client: client, Audio: true, Video: true}
	})
}

func (s *scene) subscribe(who, whom string) error {
	return s.mediaCall(who, contract.MethodSubscribe, whom, func(client string) any {
		return contract.Subscribe{Client: client, UID: whom, Audio: true, Video: true}
	})
}

// mediaCall makes a call about the media of a user. What comes of alice's calls is for other steps to
// judge; that another's fails is alice's failure if it is about her media, else the ground's.
func (s *scene) mediaCall(who, method, whose string, params func(client string) any) error {
	u, err := s.user(who)
	if err != nil {
		return err
	}
	c, err := u.Begin(method, params(u.Client()))
	if err != nil {
		return err
	}
	if _, err := c.Wait(s.world.Limits.Media); err != nil {
		return err
	}
	over, failed := c.Over()
	switch {
	case who == world.Alice || over && failed == nil:
		return nil
	case whose == world.Alice:
		return &result.Failure{
			Message:  fmt.Sprintf("%s could not %s to alice's media", who, method),
			Expected: "alice's publication can be subscribed to",
			Actual:   ended(c),
			Events:   append(proof(c), few(s.failedCalls())...),
		}
	}
	return unsound(fmt.Sprintf("%s of %s did not succeed", method, who), c)
}

func (s *scene) publishFailed() error {
	c, err := s.last(world.Alice, contract.MethodPublish)
	if err != nil {
		return err
	}
	return mustFail(c, "publishing", s.world.Limits.Media)
}

func (s *scene) noMedia() error {
	time.Sleep(s.world.Limits.Watch)
	got := s.ofAlice(named(sdrtn.EventMediaFirst))
	got = append(got, s.find(heard, from(s.aliceAddr()), func(e timeline.Event) bool { return e.Proto == "UDP" })...)
	if len(got) == 0 {
		return nil
	}
	return &result.Failure{
		Message:  "SD-RTN got media from alice",
		Expected: "no RTP of hers, and no UDP packet from her computer",
		Actual:   s.sources(got),
		Events:   few(got),
	}
}

func (s *scene) mediaOnTCP(ports string) error {
	list, err := parsePorts(ports)
	if err != nil {
		return err
	}
	sent := s.await(func() []timeline.Event {
		return s.find(atWall, from(s.aliceAddr()), purpose(world.CarriesRTP), func(e timeline.Event) bool { return e.Verdict == "allow" })
	})
	wrong := filter(sent, func(e timeline.Event) bool {
		return e.Proto != "TCP" || !slices.Contains(list, e.To.Port()) || world.RoleOf(e.To.Addr()) != world.Relay
	})
	if len(sent) > 0 && len(wrong) == 0 {
		return nil
	}
	return &result.Failure{
		Message:  "alice's media did not pass on TCP alone",
		Expected: "RTP over TCP to relays on ports " + ports,
		Actual:   fmt.Sprintf("%d packets with RTP, %d of them elsewhere %s", len(sent), len(wrong), s.destinations(wrong)),
		Events:   few(append(wrong, s.failedCalls()...)),
	}
}

// stats asks an SDK for its counts.
func (s *scene) stats(who string) (stats contract.Stats, err error) {
	if err := s.call(who, contract.MethodStats, plain); err != nil {
		return stats, err
	}
	c, err := s.last(who, contract.MethodStats)
	if err != nil {
		return stats, err
	}
	if over, failed := c.Over(); !over || failed != nil {
		return stats, &result.Failure{Message: "stats did not return", Expected: "the SDK's counts", Actual: ended(c), Events: proof(c)}
	}
	return stats, c.Result(&stats)
}

func (s *scene) receivesMedia(who, whom string) error {
	before, err := s.stats(who)
	if err != nil {
		return err
	}
	was, is := before.Received[whom], contract.MediaStats{}
	for range 10 {
		time.Sleep(500 * time.Millisecond)
		now, err := s.stats(who)
		if err != nil {
			return err
		}
		if is = now.Received[whom]; is.Audio.Frames > was.Audio.Frames && is.Video.Frames > was.Video.Frames {
			return nil
		}
	}
	return &result.Failure{
		Message:  fmt.Sprintf("%s does not receive %s's media", who, whom),
		Expected: "whole frames of audio and video within 5 seconds",
		Actual:   fmt.Sprintf("%d frames of audio, %d of video", is.Audio.Frames-was.Audio.Frames, is.Video.Frames-was.Video.Frames),
		Events:   few(append(s.failedCalls(), s.find(kind(timeline.KindSDRTN), named(sdrtn.EventMediaFirst, sdrtn.EventRefused))...)),
	}
}

// counts is the packets and frames of one track.
type counts struct{ packets, frames int }

// gatewayCounts is what the gateways last logged of a user's track: what came in from the user,
// or what went out to one of them.
func (s *scene) gatewayCounts(name, user, peer, kindOfMedia string) (c counts) {
	tests := []test{kind(timeline.KindSDRTN), named(name), about(user), media(kindOfMedia)}
	if peer != "" {
		tests = append(tests, func(e timeline.Event) bool { return e.Peer == peer })
	}
	if all := s.find(tests...); len(all) > 0 {
		last := all[len(all)-1]
		return counts{last.Count, last.Frames}
	}
	return counts{}
}

func (s *scene) upstreamCounts(seconds int) error {
	return s.compareCounts(seconds, "alice counts as sent", "SD-RTN got",
		func(stats contract.Stats, kind string) counts { return track(stats.Sent, kind) },
		func(kind string) counts { return s.gatewayCounts(sdrtn.EventMediaIn, world.Alice, "", kind) })
}

func (s *scene) downstreamCounts(seconds int) error {
	return s.compareCounts(seconds, "alice counts as received", "SD-RTN sent",
		func(stats contract.Stats, kind string) counts { return track(stats.Received["bob"], kind) },
		func(kind string) counts { return s.gatewayCounts(sdrtn.EventMediaOut, world.Alice, "bob", kind) })
}

func track(m contract.MediaStats, kind string) counts {
	t := m.Audio
	if kind == "video" {
		t = m.Video
	}
	return counts{t.Packets, t.Frames}
}

// compareCounts compares how much the SDK's counts and the gateways' have grown in some seconds.
func (s *scene) compareCounts(seconds int, sdkSays, gatewaySays string, sdk func(contract.Stats, string) counts, gateway func(string) counts) error {
	kinds := []string{"audio", "video"}
	read := func() (mine, theirs map[string]counts, err error) {
		stats, err := s.stats(world.Alice)
		s.world.LogTotals()
		mine, theirs = map[string]counts{}, map[string]counts{}
		for _, k := range kinds {
			mine[k], theirs[k] = sdk(stats, k), gateway(k)
		}
		return mine, theirs, err
	}
	mine0, theirs0, err := read()
	if err != nil {
		return err
	}
	time.Sleep(time.Duration(seconds) * time.Second)
	mine1, theirs1, err := read()
	if err != nil {
		return err
	}
	for _, k := range kinds {
		mine := counts{mine1[k].packets - mine0[k].packets, mine1[k].frames - mine0[k].frames}
		theirs := counts{theirs1[k].packets - theirs0[k].packets, theirs1[k].frames - theirs0[k].frames}
		if mine.packets > 0 && theirs.packets > 0 && close(mine.packets, theirs.packets, seconds) && close(mine.frames, theirs.frames, seconds) {
			continue
		}
		return &result.Failure{
			Message:  fmt.Sprintf("the counts of %s differ", k),
			Expected: fmt.Sprintf("in %d seconds %s what %s", seconds, gatewaySays, sdkSays),
			Actual: fmt.Sprintf("%s %d packets, %d frames; %s %d packets, %d frames", sdkSays, mine.packets, mine.frames,
				gatewaySays, theirs.packets, theirs.frames),
			Events: few(append(s.failedCalls(), s.find(kind(timeline.KindSDRTN), named(sdrtn.EventMediaFirst, sdrtn.EventMediaIn))...)),
		}
	}
	return nil
}

// close tells whether two counts over some seconds differ by no more than what a quarter of a second
// brings: both ends are read at one instant, while packets are under way.
func close(a, b, seconds int) bool {
	slack := max(1, (max(a, b)+4*seconds-1)/(4*seconds))
	return a-b <= slack && b-a <= slack
}
