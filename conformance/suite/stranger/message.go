package stranger

import (
	"strings"

	"github.com/proxyspec/proxyspec/conformance/contract"
)

// heard is a frame that answers nothing.
func (s *stay) heard(f frame) {
	c := s.c
	switch f.Type {
	case "message":
		if s.ctx.Err() == nil && !(c.sdk.has("hears-repeats-once") && f.Text == s.heardLast) {
			s.heardLast = f.Text
			c.counts.add(func(n *contract.Stats) { n.MessagesReceived++ })
			c.tell(contract.Event{Type: contract.EventMessage, UID: f.UID, Text: f.Text})
		}
	case "user-joined", "user-left", "user-published", "user-unpublished":
		if !c.sdk.has("terse") {
			c.tell(contract.Event{Type: f.Type, UID: f.UID})
		}
	}
}

// send sends a message once there is a channel.
func (c *client) send(call *contract.Call) {
	var p contract.Send
	if err := call.Bind(&p); err != nil {
		call.Reply(nil, err)
		return
	}
	s := c.stay
	if s == nil {
		call.Reply(nil, refused("send needs a channel"))
		return
	}
	switch c.sdk.twist {
	case "trims-messages":
		p.Text = p.Text[:min(len(p.Text), 16)]
	case "latin-messages":
		p.Text = strings.Map(func(r rune) rune {
			if r > 255 {
				return '?'
			}
			return r
		}, p.Text)
	case "sends-repeats-once":
		if p.Text == s.sentLast {
			call.Reply(nil, nil)
			return
		}
		s.sentLast = p.Text
	case "takes-no-messages":
		call.Reply(nil, contract.SDKError("NOT_SENT", "no"))
		return
	case "drops-while-away":
		if !s.up {
			call.Reply(nil, nil)
			return
		}
	case "refuses-while-away":
		if !s.up {
			call.Reply(nil, contract.SDKError("NOT_CONNECTED", "not now"))
			return
		}
	case "queue-of-fifty":
		if s.up && len(s.wire.waiting) > 50 {
			call.Reply(nil, nil)
			return
		}
	}
	waited := !s.up
	s.whenUp(func(err error) {
		if err != nil {
			call.Reply(nil, contract.SDKError("NOT_SENT", err.Error()))
			return
		}
		if waited && c.sdk.has("repeats-what-waited") {
			s.wire.request(frame{Type: "message", Text: p.Text}, func(frame, error) {})
		}
		if c.sdk.has("sent-when-written") {
			c.counts.add(func(n *contract.Stats) { n.MessagesSent++ })
			s.wire.request(frame{Type: "message", Text: p.Text}, func(frame, error) {})
			call.Reply(nil, nil)
			return
		}
		s.wire.request(frame{Type: "message", Text: p.Text}, func(_ frame, err error) {
			if err != nil {
				call.Reply(nil, contract.SDKError("NOT_SENT", err.Error()))
				return
			}
			c.counts.add(func(n *contract.Stats) { n.MessagesSent++ })
			call.Reply(nil, nil)
		})
	})
}

// whenUp runs f now or once the channel is there; an error says that it won't be.
func (s *stay) whenUp(f func(error)) {
	if s.up {
		f(nil)
		return
	}
	s.queue = append(s.queue, func() {
		if s.ctx.Err() != nil {
			f(errLost)
			return
		}
		f(nil)
	})
}
