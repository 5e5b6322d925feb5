package turn

import (
	"encoding/binary"
	"time"

	"github.com/pion/stun/v3"
)

// request is one that is being answered.
type request struct {
	out     *Output
	now     time.Time
	client  Client
	message *message

	username string
	key      []byte // nil until it is authentic
}

// reasons are those of RFC 8656, section 19, and RFC 8489, section 14.8.
var reasons = map[stun.ErrorCode]string{
	stun.CodeBadRequest:             "Bad Request",
	stun.CodeUnauthorized:           "Unauthenticated",
	stun.CodeForbidden:              "Forbidden",
	stun.CodeUnknownAttribute:       "Unknown Attribute",
	stun.CodeAllocMismatch:          "Allocation Mismatch",
	stun.CodeStaleNonce:             "Stale Nonce",
	stun.CodeAddrFamilyNotSupported: "Address Family not Supported",
	stun.CodeWrongCredentials:       "Wrong Credentials",
	stun.CodeUnsupportedTransProto:  "Unsupported Transport Protocol",
	stun.CodePeerAddrFamilyMismatch: "Peer Address Family Mismatch",
	stun.CodeAllocQuotaReached:      "Allocation Quota Reached",
	stun.CodeInsufficientCapacity:   "Insufficient Capacity",
}

// request handles one that needs credentials. The checks come in the order of RFC 8489, sections 9.2.4 and 6.3,
// then RFC 8656, section 5.
func (s *Server) request(out *Output, now time.Time, c Client, m *message) {
	q := &request{out: out, now: now, client: c, message: m}
	a := s.allocations[c.FiveTuple]
	if !s.authenticate(q, a) {
		return
	}
	if kinds := m.unknown(s.cfg.DontFragment); len(kinds) > 0 {
		s.refuseUnknown(q, kinds)
		return
	}
	if m.kind.Method == stun.MethodAllocate {
		s.allocate(q, a)
		return
	}
	switch {
	case a == nil:
		s.refuse(q, stun.CodeAllocMismatch)
	case a.Username != q.username:
		s.refuse(q, stun.CodeWrongCredentials)
	case m.kind.Method == stun.MethodRefresh:
		s.refresh(q, a)
	case m.kind.Method == stun.MethodCreatePermission:
		s.createPermission(q, a)
	default:
		s.channelBind(q, a)
	}
}

// authenticate finds the key of a request, or refuses it (RFC 8489, section 9.2.4).
func (s *Server) authenticate(q *request, a *Allocation) bool {
	m := q.message
	username, named := m.find(stun.AttrUsername)
	nonce, hasNonce := m.find(stun.AttrNonce)
	fresh := hasNonce && s.fresh(q.now, q.client.FiveTuple, nonce)
	if !fresh && !s.owes(q.now, q.client) {
		return false
	}
	switch {
	case m.integrity == nil:
		s.challenge(q, stun.CodeUnauthorized)
		return false
	case !named && m.has(stun.AttrUserhash) && hasNonce && m.has(stun.AttrRealm):
		s.challenge(q, stun.CodeUnauthorized) // no name's: nobody was told that it may hide its name
		return false
	case !named || !hasNonce || !m.has(stun.AttrRealm):
		s.refuse(q, stun.CodeBadRequest)
		return false
	}
	q.username = string(username)
	key, err := s.cfg.Authenticate(q.username, q.client.FiveTuple, a != nil && a.Username == q.username)
	if err != nil || !m.authentic(key) {
		if fresh { // whoever has a nonce of ours is where it says: anybody else could fill the log
			q.out.add(Action{Kind: Denied, Client: q.client, Username: q.username, Method: m.kind.Method.String(), Err: err})
		}
		s.challenge(q, stun.CodeUnauthorized)
		return false
	}
	if !fresh {
		s.challenge(q, stun.CodeStaleNonce)
		return false
	}
	q.key = key
	return true
}

// challenge refuses a request and says what another needs. Over UDP the source may be a victim of whoever sent
// the request, so the answer goes without its words if it would be more than three times as long.
func (s *Server) challenge(q *request, code stun.ErrorCode) {
	build := func(reason string) reply {
		r := q.out.reply(q.message.kind.Method, stun.ClassErrorResponse, q.message.transaction())
		r.addError(stun.AttrErrorCode, 0, code, reason)
		r.addText(stun.AttrRealm, s.cfg.Realm)
		r.addText(stun.AttrNonce, s.nonce(q.now, q.client.FiveTuple))
		return r
	}
	r := build(reasons[code])
	if !q.client.Stream && r.len() > 3*len(q.message.raw) {
		q.out.bytes = q.out.bytes[:r.begin]
		r = build("")
	}
	s.finish(q, r)
}

func (s *Server) refuse(q *request, code stun.ErrorCode) {
	r := q.out.reply(q.message.kind.Method, stun.ClassErrorResponse, q.message.transaction())
	r.addError(stun.AttrErrorCode, 0, code, reasons[code])
	s.finish(q, r)
}

// refuseUnknown names the attributes that the server doesn't know (RFC 8489, section 6.3.1).
func (s *Server) refuseUnknown(q *request, kinds []stun.AttrType) {
	r := q.out.reply(q.message.kind.Method, stun.ClassErrorResponse, q.message.transaction())
	r.addError(stun.AttrErrorCode, 0, stun.CodeUnknownAttribute, "")
	var list []byte
	for _, k := range kinds {
		list = binary.BigEndian.AppendUint16(list, uint16(k))
	}
	r.add(stun.AttrUnknownAttributes, list)
	s.finish(q, r)
}

// lifetime is what a request gets: what it asks for, but no less than the default and no more than the maximum
// (RFC 8656, section 7.2). zero says that it asked for none at all.
func (s *Server) lifetime(m *message) (d time.Duration, zero, ok bool) {
	value, asked := m.find(stun.AttrLifetime)
	if !asked {
		return DefaultLifetime, false, true
	}
	if len(value) != 4 {
		return 0, false, false
	}
	seconds := binary.BigEndian.Uint32(value)
	d = max(DefaultLifetime, min(time.Duration(seconds)*time.Second, s.cfg.MaxLifetime))
	return d, seconds == 0, true
}
