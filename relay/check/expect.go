package check

import (
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/pion/stun/v3"
)

// wantError demands an error of one of these codes.
func (c *client) wantError(m *stun.Message, codes ...stun.ErrorCode) {
	if code := codeOf(m); code == 0 || !slices.Contains(codes, code) {
		c.quota(m)
		c.probe.fail("%s", describe(m))
	}
	c.probe.see("%s", describe(m))
}

// wantSuccess demands a success.
func (c *client) wantSuccess(m *stun.Message) {
	if m == nil || m.Type.Class != stun.ClassSuccessResponse {
		c.quota(m)
		c.probe.fail("%s", describe(m))
	}
	c.probe.see("%s", describe(m))
}

// quota ends a row whose Allocate met the user's quota: a server may have any (RFC 8656, section 7.2).
func (c *client) quota(m *stun.Message) {
	if codeOf(m) == stun.CodeAllocQuotaReached {
		c.probe.notOffered(QuotaReached)
	}
}

// wantChallenge demands an error with what another attempt needs.
func (c *client) wantChallenge(m *stun.Message, code stun.ErrorCode) {
	c.wantError(m, code)
	for _, kind := range []stun.AttrType{stun.AttrRealm, stun.AttrNonce} {
		if !m.Contains(kind) {
			c.probe.fail("%s without %v", describe(m), kind)
		}
	}
}

// wantSigned demands a valid MESSAGE-INTEGRITY.
func (c *client) wantSigned(m *stun.Message) {
	if m == nil {
		c.probe.fail("silence")
	}
	if err := c.key().Check(m); err != nil {
		c.probe.fail("%s whose MESSAGE-INTEGRITY is missing or wrong: %v", describe(m), err)
	}
	behind := false
	for _, a := range m.Attributes {
		switch a.Type {
		case stun.AttrMessageIntegrity:
			behind = true
		case stun.AttrErrorCode, stun.AttrXORRelayedAddress, stun.AttrXORMappedAddress, stun.AttrLifetime, stun.AttrUnknownAttributes:
			if behind {
				c.probe.fail("%s whose %v stands behind MESSAGE-INTEGRITY, where it is ignored", describe(m), a.Type)
			}
		}
	}
	c.probe.see("%s with a valid MESSAGE-INTEGRITY", describe(m))
}

// wantUnknown demands 420 and a list that has these attributes.
func (c *client) wantUnknown(m *stun.Message, kinds ...stun.AttrType) {
	c.wantError(m, stun.CodeUnknownAttribute)
	list, _ := m.Get(stun.AttrUnknownAttributes)
	for _, kind := range kinds {
		found := false
		for i := 0; i+1 < len(list); i += 2 {
			found = found || stun.AttrType(binary.BigEndian.Uint16(list[i:])) == kind
		}
		if !found {
			c.probe.fail("%s, but UNKNOWN-ATTRIBUTES doesn't list %#04x", describe(m), uint16(kind))
		}
	}
}

// wantSilence demands that nothing comes.
func (c *client) wantSilence() {
	if b := c.receive(c.probe.quiet()); b != nil {
		c.probe.fail("%s", describeRaw(b))
	}
	c.probe.see("silence")
}

// wantSilenceOr demands that nothing comes, or that an answer shows that the server doesn't offer what a row is about.
func (c *client) wantSilenceOr(lacks func(*stun.Message) string) {
	b := c.receive(c.probe.quiet())
	if m := (&stun.Message{Raw: b}); b != nil {
		if m.Decode() == nil {
			if why := lacks(m); why != "" {
				c.probe.notOffered("%s: %s", describe(m), why)
			}
		}
		c.probe.fail("%s", describeRaw(b))
	}
	c.probe.see("silence")
}

// withoutFingerprint says that a server doesn't use FINGERPRINT, which is optional (RFC 8489, sections 6.3 and 7): if it
// did, its answer would have one.
func withoutFingerprint(m *stun.Message) string {
	if m.Contains(stun.AttrFingerprint) {
		return ""
	}
	return "the server doesn't use FINGERPRINT"
}

// wantAlive demands that the server still answers on this 5-tuple, or on another one where the stream was given up.
func (c *client) wantAlive() {
	if c.stream {
		c = c.probe.client()
	}
	m := c.ask(c.build(request(stun.MethodAllocate), requestedTransport(udp)))
	if codeOf(m) == 0 {
		c.probe.fail("%s to what came before; but then an Allocate was answered with %s", c.probe.got, describe(m))
	}
}

// wantData demands a peer's payload, as a Data indication.
func (c *client) wantData(from *peer, payload []byte) {
	b := c.receive(c.probe.target.Answer)
	if problem := c.notData(b, from, payload); problem != "" {
		c.probe.fail("%s", problem)
	}
	c.probe.see("a Data indication with %d bytes", len(payload))
}

func (c *client) notData(b []byte, from *peer, payload []byte) string {
	m := &stun.Message{Raw: b}
	if len(b) == 0 || b[0]>>6 != 0 || m.Decode() != nil || m.Type != stun.NewType(stun.MethodData, stun.ClassIndication) {
		return describeRaw(b)
	}
	data, err := m.Get(stun.AttrData)
	at, _ := xorAddress(m, stun.AttrXORPeerAddress)
	switch {
	case err != nil:
		return "a Data indication without DATA"
	case string(data) != string(payload):
		return fmt.Sprintf("a Data indication with %d bytes, which are not the %d that the peer sent", len(data), len(payload))
	case at != from.at:
		return fmt.Sprintf("a Data indication from %v, not from %v", at, from.at)
	}
	return ""
}

// wantChannelData demands a peer's payload on a channel.
func (c *client) wantChannelData(n uint16, payload []byte) {
	b := c.receive(c.probe.target.Answer)
	if problem := c.notChannelData(b, n, payload); problem != "" {
		c.probe.fail("%s", problem)
	}
	c.probe.see("ChannelData with %d bytes", len(payload))
}

func (c *client) notChannelData(b []byte, n uint16, payload []byte) string {
	if len(b) < 4 || b[0]>>6 != 1 || binary.BigEndian.Uint16(b) != n {
		return describeRaw(b)
	}
	length := int(binary.BigEndian.Uint16(b[2:]))
	switch {
	case 4+length > len(b), len(b) > 4+padded(length):
		return fmt.Sprintf("ChannelData of %d bytes that says it has %d", len(b)-4, length)
	case string(b[4:4+length]) != string(payload):
		return fmt.Sprintf("ChannelData with %d bytes, which are not the %d that the peer sent", length, len(payload))
	}
	return ""
}

// reaches demands that a payload of the client's arrives by Send indication.
func (c *client) reaches(to *peer, payload []byte) {
	c.sendTo(to.at, payload)
	to.hears(c, payload)
}

// reachesNot demands that it doesn't.
func (c *client) reachesNot(to *peer) {
	c.sendTo(to.at, pattern(20))
	to.hearsNothing()
}

// lifetimeOf is the LIFETIME of an answer, in seconds.
func (c *client) lifetimeOf(m *stun.Message) uint32 {
	c.wantSuccess(m)
	b, err := m.Get(stun.AttrLifetime)
	if err != nil || len(b) != 4 {
		c.probe.fail("%s without LIFETIME", describe(m))
	}
	return binary.BigEndian.Uint32(b)
}
