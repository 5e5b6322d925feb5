package turn

import (
	"encoding/binary"
	"net/netip"
	"time"

	"github.com/pion/stun/v3"
)

// Channel numbers that may be bound (RFC 8656, section 12).
const (
	firstChannel = 0x4000
	lastChannel  = 0x4FFF
)

// channel is a channel binding.
type channel struct {
	number  uint16
	peer    netip.AddrPort
	expires time.Time
}

// permission is leave to send to an address, and to hear from it.
type permission struct {
	peer    netip.Addr
	expires time.Time
}

// createPermission installs a permission for each peer, or for none (RFC 8656, section 10.2).
func (s *Server) createPermission(q *request, a *Allocation) {
	found, more := 0, 0
	var last netip.AddrPort // of those that are more
	for _, attr := range q.message.attributes {
		if attr.kind != stun.AttrXORPeerAddress {
			continue
		}
		found++
		peer, ok := q.message.peer(attr.value)
		if code := s.refusesPeer(q, a, peer, ok); code != 0 {
			s.refuse(q, code)
			return
		}
		if !a.permits(q.now, peer.Addr()) {
			more++
			last = peer
		}
	}
	if found == 0 {
		s.refuse(q, stun.CodeBadRequest)
		return
	}
	if more > 0 && !s.room(len(a.permissions), more) {
		if a.sweep(q.now); !s.room(len(a.permissions), more) {
			s.refuseRoom(q, a, last)
			return
		}
	}
	for _, attr := range q.message.attributes {
		if attr.kind == stun.AttrXORPeerAddress {
			peer, _ := q.message.peer(attr.value)
			a.permit(q.now, peer.Addr())
		}
	}
	s.finish(q, q.out.reply(stun.MethodCreatePermission, stun.ClassSuccessResponse, q.message.transaction()))
}

// refusesPeer says why a peer can't have a permission; 0 if it can.
func (s *Server) refusesPeer(q *request, a *Allocation, peer netip.AddrPort, ok bool) stun.ErrorCode {
	switch {
	case !ok:
		return stun.CodeBadRequest
	case !peer.Addr().Is4():
		return stun.CodePeerAddrFamilyMismatch
	case !s.cfg.Permit(peer.Addr()):
		q.out.add(peerRefused(q, a, peer, nil))
		return stun.CodeForbidden
	}
	return 0
}

func peerRefused(q *request, a *Allocation, peer netip.AddrPort, err error) Action {
	return Action{
		Kind: PeerRefused, Client: q.client, Allocation: a, Username: a.Username, Peer: peer, Up: a.up.out, Down: a.down.out, Err: err,
	}
}

// refuseRoom refuses one more peer of an allocation that has as many as one may.
func (s *Server) refuseRoom(q *request, a *Allocation, peer netip.AddrPort) {
	q.out.add(peerRefused(q, a, peer, ErrPeers))
	s.refuse(q, stun.CodeInsufficientCapacity)
}

func (s *Server) room(have, more int) bool { return have+more <= s.cfg.MaxPeers }

func (a *Allocation) permit(now time.Time, peer netip.Addr) {
	if a.permissions == nil {
		a.permissions = make(map[netip.Addr]time.Time)
	}
	a.permissions[peer] = now.Add(PermissionLifetime)
}

// permits says whether there is a permission for a peer, whatever its port (RFC 8656, section 9).
func (a *Allocation) permits(now time.Time, peer netip.Addr) bool {
	if a.permitted.peer == peer && now.Before(a.permitted.expires) {
		return true
	}
	expires, ok := a.permissions[peer]
	if !ok || !now.Before(expires) {
		return false
	}
	a.permitted = permission{peer, expires}
	return true
}

// channelBind binds a channel to a peer, or refreshes both (RFC 8656, section 12.2).
func (s *Server) channelBind(q *request, a *Allocation) {
	number, hasNumber := q.message.find(stun.AttrChannelNumber)
	address, _ := q.message.find(stun.AttrXORPeerAddress)
	peer, ok := q.message.peer(address)
	if !hasNumber || len(number) != 4 || !ok {
		s.refuse(q, stun.CodeBadRequest)
		return
	}
	n := binary.BigEndian.Uint16(number)
	byNumber, byPeer := a.channel(q.now, n), a.channelOf(q.now, peer)
	if n < firstChannel || n > lastChannel || byNumber != byPeer {
		s.refuse(q, stun.CodeBadRequest) // the channel is another peer's, or the peer has another channel
		return
	}
	if code := s.refusesPeer(q, a, peer, true); code != 0 {
		s.refuse(q, code)
		return
	}
	if permitted := a.permits(q.now, peer.Addr()); byNumber == nil || !permitted {
		a.sweep(q.now)
		if byNumber == nil && !s.room(len(a.channels), 1) || !permitted && !s.room(len(a.permissions), 1) {
			s.refuseRoom(q, a, peer)
			return
		}
	}
	if byNumber == nil {
		byNumber = &channel{number: n, peer: peer}
		if a.channels == nil {
			a.channels, a.bound = make(map[uint16]*channel), make(map[netip.AddrPort]*channel)
		}
		a.channels[n], a.bound[peer] = byNumber, byNumber
	}
	byNumber.expires = q.now.Add(ChannelLifetime)
	a.permit(q.now, peer.Addr())
	s.finish(q, q.out.reply(stun.MethodChannelBind, stun.ClassSuccessResponse, q.message.transaction()))
}

// channel is the binding of a number, if it lives.
func (a *Allocation) channel(now time.Time, number uint16) *channel {
	if c := a.carried; c != nil && c.number == number && now.Before(c.expires) {
		return c
	}
	return a.carry(now, a.channels[number])
}

// channelOf is the binding of a peer, if it lives.
func (a *Allocation) channelOf(now time.Time, peer netip.AddrPort) *channel {
	if c := a.carried; c != nil && c.peer == peer && now.Before(c.expires) {
		return c
	}
	return a.carry(now, a.bound[peer])
}

// carry remembers a binding, if it lives. One that is over never lives again: there is another one then.
func (a *Allocation) carry(now time.Time, c *channel) *channel {
	if c == nil || !now.Before(c.expires) {
		return nil
	}
	a.carried = c
	return c
}

// sweep forgets permissions and channels that are over.
func (a *Allocation) sweep(now time.Time) {
	for peer, expires := range a.permissions {
		if !now.Before(expires) {
			delete(a.permissions, peer)
		}
	}
	for number, c := range a.channels {
		if !now.Before(c.expires) {
			delete(a.channels, number)
			delete(a.bound, c.peer)
		}
	}
}
