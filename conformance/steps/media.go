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
	"github.com/proxyspec/proxyspec/relay"
)

func (s *scene) mediaSteps() []runner.Definition {
	return []runner.Definition{
		{
			Expr: `^(?P<user>\w+) publishes$`,
			Do:   s.publish,
			Says: "Publishes audio and video, and waits until the media path is up, or has failed, or its limit is over.",
		},
		{
			Expr: `^(?P<user>\w+) publishes (audio|video) alone$`,
			Do: func(who, kind string) error {
				return s.publishKinds(who, kind == "audio", kind == "video")
			},
			Says: "As above, with one of the two.",
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
			Expr: `^SD-RTN got alice's video in codec "(vp8|h264)"$`,
			Do:   s.videoCodec,
			Says: "By the payload type of her RTP. There must be some, or come soon.",
		},
		{
			Expr: `^SD-RTN got no media from alice$`,
			Do:   s.noMedia,
			Says: "Watches for the watch time: no gateway got RTP of hers, nor a UDP packet from her computer.",
		},
		{
			Expr: `^alice's media passed the firewall on TCP ports (\d+-\d+) of the relays only$`,
			Do:   s.mediaOnTCP,
			Says: "Judges every packet with RTP of hers that the firewall let out. There must be one, or come soon. Where TLS hides all of it, the cloud proxy's log says to which ports it came.",
		},
		{
			Expr: `^(?P<user>\w+) receives (?P<user>\w+)'s audio and video$`,
			Do:   s.receivesMedia,
			Says: "Within 5 seconds the user's SDK counts whole frames of both.",
		},
		{
			Expr: `^(bob|carol) (mutes|unmutes)$`,
			Do:   s.mute,
			Says: "Of what a muted user publishes nothing is sent, not even silence.",
		},
	}
}

func (s *scene) publish(who string) error { return s.publishKinds(who, true, true) }

func (s *scene) publishKinds(who string, audio, video bool) error {
	return s.mediaCall(who, contract.MethodPublish, who, func(client string) any {
		return contract.Publish{Client: client, Audio: audio, Video: video}
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
		return s.unlessOwnLookup(&result.Failure{
			Message:  fmt.Sprintf("%s could not %s to alice's media", who, method),
			Expected: "alice's publication can be subscribed to",
			Actual:   ended(c),
			Events:   append(c.Events(), few(s.failedCalls())...),
		})
	}
	return unsound(fmt.Sprintf("%s of %s did not succeed", method, who), c)
}

// mute has a user of the suite's own stop sending, or go on.
func (s *scene) mute(who, how string) error {
	return s.call(who, contract.MethodMute, func(client string) any {
		return contract.Mute{Client: client, Audio: how == "mutes", Video: how == "mutes"}
	})
}

func (s *scene) publishFailed() error {
	c, err := s.last(world.Alice, contract.MethodPublish)
	if err != nil {
		return err
	}
	return s.mustFail(c, "publishing", s.world.Limits.Media)
}

func (s *scene) videoCodec(codec string) error {
	got := s.await(func() []timeline.Event { return s.ofAlice(named(sdrtn.EventMediaFirst), media("video")) })
	wrong := filter(got, func(e *timeline.Event) bool { return e.Codec != codec })
	if len(got) > 0 && len(wrong) == 0 {
		return nil
	}
	failure := &result.Failure{
		Message:  "alice's video didn't come in the codec of her client",
		Expected: codec,
		Actual:   "SD-RTN got no video of hers",
		Events:   few(append(wrong, s.failedCalls()...)),
		Decides:  firstOf(wrong),
	}
	if len(wrong) > 0 {
		failure.Actual = wrong[0].Codec
	}
	return failure
}

func (s *scene) noMedia() error {
	if err := s.used(); err != nil {
		return err
	}
	time.Sleep(s.world.Limits.Watch)
	got := s.ofAlice(named(sdrtn.EventMediaFirst))
	got = append(got, s.find(heard, from(s.aliceAddr()), func(e *timeline.Event) bool { return e.Proto == "UDP" })...)
	if len(got) == 0 {
		return nil
	}
	return &result.Failure{
		Message:  "SD-RTN got media from alice",
		Expected: "no RTP of hers, and no UDP packet from her computer",
		Actual:   s.sources(got),
		Events:   few(got),
		Decides:  firstOf(got),
	}
}

func (s *scene) mediaOnTCP(ports string) error {
	list, err := parsePorts(ports)
	if err != nil {
		return err
	}
	sent := s.await(func() []timeline.Event {
		return s.find(atWall, from(s.aliceAddr()), purpose(world.CarriesRTP), func(e *timeline.Event) bool { return e.Verdict == "allow" })
	})
	if len(sent) == 0 && s.mediaUnseen() { // then the cloud proxy's log says to which ports it came
		sent = s.find(kind(timeline.KindProxy), named(relay.EventMediaUp), from(s.aliceAddr()))
	}
	wrong := filter(sent, func(e *timeline.Event) bool {
		return e.Proto != "TCP" || !slices.Contains(list, e.To.Port()) || world.RoleOf(e.To.Addr()) != world.Relay
	})
	if len(sent) > 0 && len(wrong) == 0 {
		return nil
	}
	return s.unlessOwnLookup(&result.Failure{
		Message:  "alice's media did not pass on TCP alone",
		Expected: "RTP over TCP to relays on ports " + ports,
		Actual:   fmt.Sprintf("%d packets with RTP, %d of them elsewhere %s", len(sent), len(wrong), s.destinations(wrong)),
		Events:   few(append(wrong, s.failedCalls()...)),
		Decides:  firstOf(wrong),
	})
}

// mediaUnseen tells whether SD-RTN gets media of alice's of which the firewall sees none. A relay takes TURN over TLS, too,
// and that alone, on its TCP ports, hides what it carries.
func (s *scene) mediaUnseen() bool {
	began := s.world.Timeline.Elapsed()
	before := s.mediaIn()
	time.Sleep(settling)
	seen := s.find(atWall, from(s.aliceAddr()), purpose(world.CarriesRTP), func(e *timeline.Event) bool { return e.At >= began })
	return s.mediaIn() > before && len(seen) == 0
}

// mediaIn is how many packets of alice's the gateways have got.
func (s *scene) mediaIn() (packets int) {
	s.world.LogTotals()
	for _, k := range kinds {
		packets += s.gatewayCounts(sdrtn.EventMediaIn, "", k).packets
	}
	return packets
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
		return stats, &result.Failure{Message: "stats did not return", Expected: "the SDK's counts", Actual: ended(c), Events: c.Events()}
	}
	err = c.Result(&stats)
	return stats, err
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
	return s.unlessOwnLookup(&result.Failure{
		Message:  fmt.Sprintf("%s does not receive %s's media", who, whom),
		Expected: "whole frames of audio and video within 5 seconds",
		Actual:   fmt.Sprintf("%d frames of audio, %d of video", is.Audio.Frames-was.Audio.Frames, is.Video.Frames-was.Video.Frames),
		Events:   few(append(s.failedCalls(), s.find(kind(timeline.KindSDRTN), named(sdrtn.EventMediaFirst, sdrtn.EventRefused))...)),
		Decides:  firstOf(s.failedCalls()),
	})
}
