package steps

import (
	"errors"
	"fmt"
	"net/http"
	"regexp"

	"github.com/proxyspec/proxyspec/conformance/result"
	"github.com/proxyspec/proxyspec/conformance/runner"
	"github.com/proxyspec/proxyspec/conformance/timeline"
	"github.com/proxyspec/proxyspec/conformance/world"
	"github.com/proxyspec/proxyspec/relay"
)

// oneField is a field of a lookup as steps write it.
const oneField = `(?:appId|sdkVersion|region|channel|uid) "[^"]*"`

var fields = regexp.MustCompile(`(appId|sdkVersion|region|channel|uid) "([^"]*)"`)

// inquirySteps look up without any SDK: what the cloud proxy answers is its own.
func (s *scene) inquirySteps() []runner.Definition {
	return []runner.Definition{
		{
			Expr: `^alice's computer sends a lookup$`,
			Do:   func() error { return s.inquire("") },
			Says: "Asks every edge, one after the other, for a user and channel of the suite's, with the App ID of every user and SDK version 3.0.0. No SDK takes part.",
		},
		{
			Expr: `^alice's computer sends a lookup with (` + oneField + `(?: and ` + oneField + `)*)$`,
			Do:   s.inquire,
			Says: "Likewise, with these fields.",
		},
		{
			Expr: `^the lookup was answered$`,
			Do:   s.inquiryAnswered,
			Says: "Every edge gave relays and credentials, and logged that it did.",
		},
		{
			Expr: `^the lookup was refused as "([\w-]+)"$`,
			Do:   s.inquiryRefused,
			Says: "Every edge refused with this code and said in words why, and logged that it did.",
		},
		{
			Expr: `^alice's computer opens a message connection with each answer$`,
			Do:   s.connect,
			Says: "With the first message URL of each lookup of the scenario, one after the other; what opens stays open.",
		},
		{
			Expr: `^(\d+) of the message connections opened and the others were refused as "([\w-]+)"$`,
			Do:   s.connected,
			Says: "Judges how many relays let in, and what they told the others.",
		},
	}
}

// inquire asks every edge.
func (s *scene) inquire(with string) error {
	if err := s.world.Up(); err != nil {
		return err
	}
	request := map[string]string{"appId": world.AppID, "sdkVersion": "3.0.0", "channel": "town-hall", "uid": "dave"}
	for _, field := range fields.FindAllStringSubmatch(with, -1) {
		request[field[1]] = field[2]
	}
	s.inquiries = nil
	for _, edge := range world.Edges {
		i, err := s.world.Inquire(world.Alice, edge, request)
		if err != nil {
			return err
		}
		s.inquiries = append(s.inquiries, i)
	}
	if one := s.inquiries[0]; one.Status == http.StatusOK {
		s.answers = append(s.answers, one.Answer)
	}
	return nil
}

// logged is what an edge logged of an inquiry.
func (s *scene) logged(i world.Inquiry, name string) []timeline.Event {
	return s.find(kind(timeline.KindProxy), by(i.Edge), named(name), after(i.Began))
}

func (s *scene) inquiryAnswered() error {
	return s.judgeInquiries("answered", func(i world.Inquiry) bool {
		return i.Status == http.StatusOK && len(i.Answer.Relays) > 0 && len(i.Answer.MessageURLs) > 0 && len(i.Answer.ICEServers) > 0 &&
			len(s.logged(i, relay.EventLookupAnswered)) > 0
	})
}

func (s *scene) inquiryRefused(code string) error {
	return s.judgeInquiries("refused as "+code, func(i world.Inquiry) bool {
		if i.Status < 400 || i.Refusal.Code != code || i.Refusal.Message == "" {
			return false
		}
		refused := s.logged(i, relay.EventLookupRefused)
		return len(refused) > 0 && refused[0].Code == code
	})
}

func (s *scene) judgeInquiries(how string, right func(world.Inquiry) bool) error {
	if len(s.inquiries) == 0 {
		return noLookup()
	}
	for _, i := range s.inquiries {
		if right(i) {
			continue
		}
		return &result.Failure{
			Message:  fmt.Sprintf("%s did not do with the lookup what it should", i.Edge),
			Expected: "the lookup is " + how,
			Actual:   fmt.Sprintf("HTTP status %d %s %s", i.Status, i.Refusal.Code, i.Refusal.Message),
			Events:   s.find(by(i.Edge), after(i.Began)),
		}
	}
	return nil
}

func (s *scene) connect() error {
	switch {
	case len(s.inquiries) == 0:
		return noLookup()
	case len(s.answers) == 0:
		return errors.New("no lookup was answered: there is no message URL")
	}
	for _, a := range s.answers {
		c, refusal, err := s.world.Connect(world.Alice, a.MessageURLs[0])
		if err != nil {
			return err
		}
		if c != nil {
			s.connections = append(s.connections, c)
			continue
		}
		s.refusals = append(s.refusals, refusal)
	}
	return nil
}

// noLookup refuses a step that is about lookups where none was sent.
func noLookup() error { return result.Mistake("no lookup was sent: a step before this one must") }

func (s *scene) connected(n int, code string) error {
	if len(s.connections)+len(s.refusals) == 0 {
		return result.Mistake("no message connection was tried: a step before this one must")
	}
	right := len(s.connections) == n && len(s.refusals) > 0
	for _, r := range s.refusals {
		right = right && r.Code == code
	}
	if right {
		return nil
	}
	return &result.Failure{
		Message:  "the relays let in others than they should",
		Expected: fmt.Sprintf("%d message connections, and refusals as %s", n, code),
		Actual:   fmt.Sprintf("%d message connections; refused: %v", len(s.connections), s.refusals),
		Events:   few(s.find(kind(timeline.KindProxy), named(relay.EventMessagesOpened, relay.EventMessagesRefused))),
	}
}
