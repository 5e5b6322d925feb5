package steps

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/proxyspec/proxyspec/conformance/contract"
	"github.com/proxyspec/proxyspec/conformance/result"
	"github.com/proxyspec/proxyspec/conformance/runner"
	"github.com/proxyspec/proxyspec/conformance/timeline"
	"github.com/proxyspec/proxyspec/conformance/world"
	"github.com/proxyspec/proxyspec/fakes/sdrtn"
)

func (s *scene) messageSteps() []runner.Definition {
	return []runner.Definition{
		{
			Expr: `^(?P<user>\w+) sends "(?P<text>[^"]*)"$`,
			Do:   s.send,
			Says: "Sends a message to everybody else in the channel, and waits until the SDK has taken it.",
		},
		{
			Expr: `^(?P<user>\w+) sends (\d+) messages$`,
			Do: func(who string, n int) error {
				for i := range n {
					if err := s.send(who, fmt.Sprintf("message %d of %d", i+1, n)); err != nil {
						return err
					}
				}
				return nil
			},
			Says: "Sends this many different messages, each after the SDK has taken the one before.",
		},
		{
			Expr: `^(?P<user>\w+) sends (\d+) messages without waiting$`,
			Do:   s.sendAll,
			Says: "Sends this many different messages at once, then waits for all: some with spaces around them, with line ends, quotation marks and zero bytes, and of 6,000 to 80,000 characters. One that the SDK refuses counts as not sent.",
		},
		{
			Expr: `^(?P<user>\w+) received "(?P<text>[^"]*)" from (?P<user>\w+)$`,
			Do:   s.received,
			Says: "The user's SDK told its application of this message, once.",
		},
		{
			Expr: `^SD-RTN got exactly the messages that (?P<user>\w+) sent, in order$`,
			Do: func(sender string) error {
				return s.sameMessages(sender, "SD-RTN", s.find(kind(timeline.KindSDRTN), named(sdrtn.EventMessageIn), about(sender)))
			},
			Says: "Compares digests in the gateways' log with what was sent.",
		},
		{
			Expr: `^(?P<user>\w+) received exactly the messages that (?P<user>\w+) sent, in order$`,
			Do: func(receiver, sender string) error {
				return s.sameMessages(sender, receiver, s.notices(receiver, contract.EventMessage, sender))
			},
			Says: "Compares what the receiver's SDK told its application with what was sent.",
		},
	}
}

func (s *scene) send(who, text string) error {
	s.said[who] = append(s.said[who], text)
	return s.call(who, contract.MethodSend, func(client string) any { return contract.Send{Client: client, Text: text} })
}

// odd makes of some texts what an SDK may not pass on as it is.
func odd(i int, text string) string {
	switch i % 10 {
	case 3:
		return "  " + text + " \n"
	case 5:
		return text + ": \"yes\"\r\n\tand \\u006e\\o, <b>&amp;</b>"
	case 7:
		return text + strings.Repeat(", and so on and on", 45*(i+1)) // past 65,535 bytes, too
	case 9:
		return text + "\x00, with a zero byte"
	}
	return text
}

func (s *scene) sendAll(who string, n int) error {
	u, err := s.user(who)
	if err != nil {
		return err
	}
	calls := make([]*world.Call, n)
	text := func(i int) string { return odd(i, fmt.Sprintf("message %d of %d at once", i+1, n)) }
	for i := range calls {
		if calls[i], err = u.Begin(contract.MethodSend, contract.Send{Client: u.Client(), Text: text(i)}); err != nil {
			return err
		}
	}
	for i, c := range calls {
		ended, err := c.Wait(s.world.Limits.Reply)
		if err != nil {
			return err
		}
		if !ended || c.Result(new(struct{})) == nil { // what isn't refused must arrive
			s.said[who] = append(s.said[who], text(i))
		}
	}
	return nil
}

// notices is what an SDK told its application about another user.
func (s *scene) notices(who, what, of string) []timeline.Event {
	return s.find(kind(timeline.KindNotice), by(who), named(what), about(of))
}

func (s *scene) received(who, text, sender string) error {
	n := 0
	for _, e := range s.notices(who, contract.EventMessage, sender) {
		if e.Digest == world.Digest(text) {
			n++
		}
	}
	if n == 1 {
		return nil
	}
	return s.unlessOwnLookup(&result.Failure{
		Message:  fmt.Sprintf("%s did not receive %q from %s", who, text, sender),
		Expected: "the message, once",
		Actual:   fmt.Sprintf("it came %d times", n),
		Events:   few(append(s.find(kind(timeline.KindSDRTN), named(sdrtn.EventMessageIn, sdrtn.EventMessageOut)), s.failedCalls()...)),
	})
}

func (s *scene) sameMessages(sender, receiver string, got []timeline.Event) error {
	var want, have []string
	for _, text := range s.said[sender] {
		want = append(want, world.Digest(text))
	}
	for _, e := range got {
		have = append(have, e.Digest)
	}
	if len(want) == 0 {
		call, err := s.last(sender, contract.MethodSend)
		if err != nil {
			return result.Mistake("%s sent nothing: a step before this one must", sender)
		}
		return s.unlessOwnLookup(&result.Failure{
			Message:  fmt.Sprintf("%s's SDK sent nothing", sender),
			Expected: "messages, which " + receiver + " gets",
			Actual:   "it refused them all; the last " + ended(call),
			Events:   few(append(call.Events(), s.failedCalls()...)),
		})
	}
	if slices.Equal(want, have) {
		return nil
	}
	at := 0 // where they differ first
	for at < min(len(want), len(have)) && want[at] == have[at] {
		at++
	}
	texts := map[string]string{}
	for i, text := range s.said[sender] {
		texts[want[i]] = fmt.Sprintf("%.60q", text)
	}
	return s.unlessOwnLookup(&result.Failure{
		Message:  fmt.Sprintf("%s did not get exactly what %s sent", receiver, sender),
		Expected: fmt.Sprintf("%d messages, in order: %s", len(want), numbered(want, at, texts)),
		Actual:   fmt.Sprintf("%d messages: %s", len(have), numbered(have, at, texts)),
		Events:   few(append(slices.Clone(got[min(at, len(got)):]), s.failedCalls()...)),
		Decides:  firstOf(got[min(at, len(got)):]),
	})
}

// numbered is some messages, by their digests, from the one at an index on, whose number it names. Of a text that nobody
// sent no more is known than its digest.
func numbered(digests []string, at int, texts map[string]string) string {
	const most = 4
	if at == len(digests) {
		return fmt.Sprintf("none from number %d on", at+1)
	}
	var named []string
	for _, d := range digests[at:min(len(digests), at+most)] {
		named = append(named, cmp.Or(texts[d], "another text (SHA-256 "+d[:min(8, len(d))]+"...)"))
	}
	if len(digests) > at+most {
		named = append(named, "...")
	}
	return fmt.Sprintf("from number %d on %s", at+1, strings.Join(named, ", "))
}
