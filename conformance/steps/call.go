package steps

import (
	"fmt"
	"time"

	"github.com/proxyspec/proxyspec/conformance/contract"
	"github.com/proxyspec/proxyspec/conformance/result"
	"github.com/proxyspec/proxyspec/conformance/runner"
	"github.com/proxyspec/proxyspec/conformance/world"
)

func (s *scene) callSteps() []runner.Definition {
	return []runner.Definition{
		{
			Expr: `^(?P<user>\w+) joins "(?P<channel>[^"]*)"$`,
			Do:   s.join,
			Says: "Calls join, after init if the client has no App ID yet, and waits until it has succeeded or failed, or its limit is over.",
		},
		{
			Expr: `^(?P<user>\w+) starts the cloud proxy and joins "(?P<channel>[^"]*)"$`,
			Do: func(who, channel string) error {
				if err := s.call(who, contract.MethodStartProxyServer, plain); err != nil {
					return err
				}
				return s.join(who, channel)
			},
			Says: "Calls startProxyServer, then joins.",
		},
		{
			Expr: `^(?P<user>\w+) creates a client, starts the cloud proxy, inits and joins "(?P<channel>[^"]*)"$`,
			Do:   s.sampleEnable,
			Says: "The calls of the document's first sample, in its order: createClient, startProxyServer, init, join. As there, the join has a channel key and no user ID: SD-RTN chooses one.",
		},
		{
			Expr: `^(?P<user>\w+) leaves$`,
			Do:   s.leave,
			Says: "Calls leave and waits for it.",
		},
		{
			Expr: `^(?P<user>\w+) is in "(?P<channel>[^"]*)" outside any firewall$`,
			Do:   s.isIn,
			Says: "A user with the reference SDK on the open internet has joined, without a proxy.",
		},
		{
			Expr: `^(?P<user>\w+) is in the channel$`,
			Do:   s.joined,
			Says: "The user's last join succeeded within its limit.",
		},
		{
			Expr: `^alice (\d+) times starts the cloud proxy, joins, publishes and leaves, and stops it, joins and leaves$`,
			Do:   s.cycle,
			Says: "Waits for each call, and a second before it leaves. Each join must succeed, the first of a cycle through the cloud proxy and the second direct.",
		},
		{
			Expr: `^the first join failed$`,
			Do:   func() error { return s.joinFailedAt(0) },
			Says: "Alice's first join reported some error before its limit was over.",
		},
		{
			Expr: `^joining failed within its limit$`,
			Do:   s.joinFailed,
			Says: "Alice's last join reported some error before its limit was over.",
		},
	}
}

// initOnce gives the user's client its App ID, as an application does before its first join.
func (s *scene) initOnce(u *world.User) error {
	key := u.Name + " " + u.Client()
	if s.inited[key] {
		return nil
	}
	s.inited[key] = true
	return s.call(u.Name, contract.MethodInit, func(client string) any {
		return contract.Init{Client: client, AppID: world.AppID}
	})
}

func (s *scene) beginJoin(u *world.User, channel string) (*world.Call, error) {
	return s.beginJoinAs(u, contract.Join{Channel: channel, UID: s.uidOf(u)})
}

func (s *scene) beginJoinAs(u *world.User, join contract.Join) (*world.Call, error) {
	join.Client = u.Client()
	c, err := u.Begin(contract.MethodJoin, join)
	if err == nil && u.Name == world.Alice {
		s.joins = append(s.joins, c)
		s.uids[c] = join.UID
	}
	return c, err
}

func (s *scene) join(who, channel string) error {
	u, err := s.user(who)
	if err != nil {
		return err
	}
	return s.joinAs(u, contract.Join{Channel: channel, UID: s.uidOf(u)})
}

func (s *scene) joinAs(u *world.User, join contract.Join) error {
	if err := s.initOnce(u); err != nil {
		return err
	}
	c, err := s.beginJoinAs(u, join)
	if err != nil {
		return err
	}
	return s.waitFor(c)
}

func (s *scene) sampleEnable(who, channel string) error {
	u, err := s.world.Fresh(who)
	if err != nil {
		return err
	}
	if err := u.CreateClient(contract.CreateClient{Mode: "live", Codec: "vp8"}); err != nil {
		return err
	}
	if err := s.call(who, contract.MethodStartProxyServer, plain); err != nil {
		return err
	}
	return s.joinAs(u, contract.Join{Channel: channel, ChannelKey: "key-of-" + channel})
}

func (s *scene) leave(who string) error {
	u, err := s.user(who)
	if err != nil {
		return err
	}
	return s.leaveFor(u)
}

// leaveFor has the client that a user's calls use leave, and waits for it.
func (s *scene) leaveFor(u *world.User) error {
	c, err := u.Begin(contract.MethodLeave, plain(u.Client()))
	if err != nil {
		return err
	}
	return s.waitFor(c)
}

// isIn makes somebody else a user of the channel; if that fails the ground is unsound, not the SDK.
func (s *scene) isIn(who, channel string) error {
	if who == world.Alice {
		return result.Mistake("alice is the one in the office: this step is for everybody else")
	}
	if err := s.join(who, channel); err != nil {
		return err
	}
	c, err := s.last(who, contract.MethodJoin)
	if err != nil {
		return err
	}
	if over, failed := c.Over(); !over || failed != nil {
		return unsound(who+" could not join", c)
	}
	return nil
}

func unsound(message string, c *world.Call) error {
	return &result.Stop{Outcome: result.HarnessFault, Failure: result.Failure{
		Message: message, Actual: ended(c), Events: c.Events()}}
}

func (s *scene) joined(who string) error {
	return s.succeeded(who, contract.MethodJoin, s.world.Limits.Join)
}

// succeeded judges a user's last call of a method: did it succeed in time?
func (s *scene) succeeded(who, method string, limit time.Duration) error {
	c, err := s.last(who, method)
	if err != nil {
		return err
	}
	if over, failed := c.Over(); over && failed == nil && c.Took() <= limit {
		return nil
	}
	if who != world.Alice {
		return unsound(fmt.Sprintf("%s of %s did not succeed", method, who), c)
	}
	return s.unlessOwnLookup(&result.Failure{
		Message:  fmt.Sprintf("%s of %s did not succeed", method, who),
		Expected: fmt.Sprintf("%s succeeds within %v", method, limit),
		Actual:   ended(c),
		Events:   c.Events(),
	})
}

func (s *scene) joinFailed() error { return s.joinFailedAt(len(s.joins) - 1) }

func (s *scene) joinFailedAt(n int) error {
	if n < 0 || n >= len(s.joins) {
		return result.Mistake("alice has not joined: a step before this one must")
	}
	return s.mustFail(s.joins[n], "the join", s.world.Limits.Join)
}

// mustFail judges a call that was given its time: did it report an error?
func (s *scene) mustFail(c *world.Call, what string, limit time.Duration) error {
	if over, failed := c.Over(); over && failed != nil && c.Took() <= limit {
		return s.unheard(what+" failed, as it does with everything open", c)
	}
	return &result.Failure{
		Message:  what + " did not fail",
		Expected: fmt.Sprintf("%s reports an error within %v", c.Method, limit),
		Actual:   ended(c),
		Events:   c.Events(),
	}
}

// cycle turns the cloud proxy on and off, with a call each way. Calls that don't come about would leave nothing behind.
func (s *scene) cycle(times int) error {
	stay := func(switching, way string, publish bool) error {
		if err := s.callInOrder(world.Alice, switching+` and join "town-hall"`, true); err != nil {
			return err
		}
		if publish {
			if err := s.publish(world.Alice); err != nil {
				return err
			}
		}
		time.Sleep(time.Second)
		if err := s.joinsWent("the last", way); err != nil {
			return err
		}
		return s.leave(world.Alice)
	}
	for range times {
		if err := stay(contract.MethodStartProxyServer, "through the cloud proxy", true); err != nil {
			return err
		}
		if err := stay(contract.MethodStopProxyServer, "direct", false); err != nil {
			return err
		}
	}
	return nil
}
