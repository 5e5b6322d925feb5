package turn

import (
	"bytes"
	"io"
	"net/netip"
	"time"

	"github.com/pion/stun/v3"
)

// Allocation is one (RFC 8656, section 3.2). What is exported never changes.
type Allocation struct {
	Client   Client
	Relayed  netip.AddrPort
	Username string
	ID       uint64 // 1 is the server's first

	user     *user
	socket   *Socket
	up, down counts

	// The last ones that a packet has asked for: mostly it is one after the other.
	carried   *channel
	permitted permission

	permissions map[netip.Addr]time.Time // until when
	channels    map[uint16]*channel
	bound       map[netip.AddrPort]*channel
	deadline    deadline

	transaction [12]byte // of the Allocate that made it
	success     []byte   // and its answer
}

// opening is an Allocate that waits for its socket.
type opening struct {
	client      Client
	method      stun.MessageType
	user        *user
	key         []byte
	integrity   stun.AttrType
	fingerprint bool
	transaction [12]byte
	lifetime    time.Duration
	dual        bool // it asked for an IPv6 address, too
	socket      *Socket
}

// reservation is a port that waits for whoever has its token.
type reservation struct {
	token    [8]byte
	user     *user
	source   netip.Addr
	socket   *Socket
	deadline deadline
}

// allocate handles an Allocate in the order of RFC 8656, section 7.2.
func (s *Server) allocate(q *request, a *Allocation) {
	m := q.message
	if a != nil {
		// A retransmission is answered as before; its client has missed the answer. Another request, or
		// another user's, finds the 5-tuple in use.
		if bytes.Equal(a.transaction[:], m.transaction()) && a.Username == q.username {
			q.out.add(Action{Kind: ToClient, Client: q.client, Payload: a.success})
			return
		}
		s.refuse(q, stun.CodeAllocMismatch)
		return
	}
	if s.opening[q.client.FiveTuple] != nil {
		return // a retransmission: the answer is under way
	}
	lifetime, _, ok := s.lifetime(m)
	code, dual, even, token := readAllocate(m)
	if code == 0 && !ok {
		code = stun.CodeBadRequest
	}
	if code != 0 {
		s.refuse(q, code)
		return
	}
	var reserved *reservation
	if token != nil {
		if reserved = s.reservations[[8]byte(token)]; reserved == nil {
			s.full(q, ErrReservation)
			return
		}
	}
	pair := len(even) > 0 && even[0]&0x80 != 0
	u, err := s.claim(q, reserved, pair)
	switch {
	case err == ErrFull, err == ErrDraining:
		s.full(q, err)
		return
	case err != nil:
		q.out.add(Action{Kind: OverQuota, Client: q.client, Username: q.username, Err: err})
		s.refuse(q, stun.CodeAllocQuotaReached)
		return
	}
	o := &opening{
		client: q.client, method: m.kind, user: u, key: q.key, integrity: m.integrity.kind,
		fingerprint: m.fingerprint, transaction: [12]byte(m.transaction()), lifetime: lifetime, dual: dual,
	}
	if reserved != nil {
		s.drop(&reserved.deadline)
		delete(s.reservations, reserved.token)
		o.socket = reserved.socket
		s.create(q.out, q.now, o, o.socket.at, nil)
		return
	}
	o.socket = new(Socket)
	if pair {
		o.socket.next = new(Socket)
	}
	s.opening[q.client.FiveTuple] = o
	q.out.add(Action{Kind: Open, Client: q.client, Socket: o.socket, Even: len(even) > 0, Next: o.socket.next})
}

// full refuses an Allocate for want of a port.
func (s *Server) full(q *request, why error) {
	q.out.add(Action{Kind: NoCapacity, Client: q.client, Username: q.username, Err: why})
	s.refuse(q, stun.CodeInsufficientCapacity)
}

// claim counts the ports of an Allocate against the quotas: one, the reserved one that is its reserver's so far, or two.
func (s *Server) claim(q *request, reserved *reservation, pair bool) (*user, error) {
	if s.draining {
		return nil, ErrDraining // before anything is given back: there would be no taking it again
	}
	source := q.client.Client.Addr()
	if reserved != nil {
		s.release(reserved.user, reserved.source)
	}
	u, err := s.take(q.username, source)
	switch {
	case err != nil && reserved != nil:
		reserved.user, _ = s.take(reserved.user.name, reserved.source) // as it was
	case err == nil && pair:
		if _, err = s.take(q.username, source); err != nil {
			s.release(u, source)
		}
	}
	return u, err
}

// readAllocate reads what an Allocate asks for; code says what is wrong with it, and is 0 if nothing is.
func readAllocate(m *message) (code stun.ErrorCode, dual bool, even, token []byte) {
	transport, ok := m.find(stun.AttrRequestedTransport)
	if !ok || len(transport) != 4 {
		return stun.CodeBadRequest, false, nil, nil
	}
	if transport[0] != 17 { // UDP
		return stun.CodeUnsupportedTransProto, false, nil, nil
	}
	family, hasFamily := m.find(stun.AttrRequestedAddressFamily)
	additional, hasAdditional := m.find(attrAdditionalAddressFamily)
	token, hasToken := m.find(stun.AttrReservationToken)
	even, hasEven := m.find(stun.AttrEvenPort)
	switch {
	case hasToken && (hasEven || hasFamily || hasAdditional), hasToken && len(token) != 8,
		hasFamily && hasAdditional, hasFamily && len(family) != 4,
		hasAdditional && (len(additional) != 4 || additional[0] != familyIPv6),
		hasEven && len(even) != 1, hasAdditional && hasEven && even[0]&0x80 != 0:
		return stun.CodeBadRequest, false, nil, nil
	case hasFamily && family[0] != familyIPv4:
		return stun.CodeAddrFamilyNotSupported, false, nil, nil
	}
	return 0, hasAdditional, even, token
}

// Opened tells that the socket of an Open, and Next if there was one, is there: at is the relayed transport
// address.
func (s *Server) Opened(out *Output, now time.Time, c FiveTuple, socket *Socket, at netip.AddrPort) {
	o := s.opening[c]
	if o == nil || o.socket != socket {
		s.close(out, socket) // stopped, or the client's connection ended, meanwhile
		return
	}
	delete(s.opening, c)
	socket.at = at
	var r *reservation
	if next := socket.next; next != nil {
		r = &reservation{user: o.user, source: c.Client.Addr(), socket: next}
		next.at = netip.AddrPortFrom(at.Addr(), at.Port()+1)
		if _, err := io.ReadFull(s.cfg.Rand, r.token[:]); err != nil || s.reservations[r.token] != nil {
			s.close(out, socket)
			s.notOpened(out, o, err)
			return
		}
		socket.next = nil
		s.reservations[r.token] = r
		r.deadline.reservation = r
		s.due(&r.deadline, now.Add(ReservationLifetime))
	}
	s.create(out, now, o, at, r)
}

// NotOpened tells that there is no port for the socket of an Open, or not for both.
func (s *Server) NotOpened(out *Output, c FiveTuple, socket *Socket, err error) {
	o := s.opening[c]
	if o == nil || o.socket != socket {
		return
	}
	delete(s.opening, c)
	s.notOpened(out, o, err)
}

// close closes the sockets of an Open that came to nothing.
func (s *Server) close(out *Output, socket *Socket) {
	out.add(Action{Kind: Close, Socket: socket})
	if socket.next != nil {
		out.add(Action{Kind: Close, Socket: socket.next})
	}
}

func (s *Server) notOpened(out *Output, o *opening, err error) {
	s.releaseOpening(o)
	out.add(Action{Kind: NoCapacity, Client: o.client, Username: o.user.name, Err: err})
	r := out.reply(o.method.Method, stun.ClassErrorResponse, o.transaction[:])
	r.addError(stun.AttrErrorCode, 0, stun.CodeInsufficientCapacity, reasons[stun.CodeInsufficientCapacity])
	s.finishOpening(out, o, r)
}

// create makes the allocation of an Allocate that has its socket, and tells its client.
func (s *Server) create(out *Output, now time.Time, o *opening, at netip.AddrPort, reserved *reservation) {
	s.made++
	a := &Allocation{
		ID: s.made, Client: o.client, Username: o.user.name, Relayed: at,
		user: o.user, socket: o.socket, transaction: o.transaction,
	}
	o.socket.allocation = a
	s.allocations[o.client.FiveTuple] = a
	a.deadline.allocation = a
	s.due(&a.deadline, now.Add(o.lifetime))
	out.add(Action{Kind: Created, Client: a.Client, Allocation: a, Socket: a.socket, Username: a.Username})

	r := out.reply(stun.MethodAllocate, stun.ClassSuccessResponse, o.transaction[:])
	r.addXOR(stun.AttrXORRelayedAddress, at)
	r.addXOR(stun.AttrXORMappedAddress, o.client.Client)
	r.addUint32(stun.AttrLifetime, uint32(o.lifetime/time.Second))
	if reserved != nil {
		r.add(stun.AttrReservationToken, reserved.token[:])
	}
	if o.dual {
		r.addError(attrAddressErrorCode, familyIPv6, stun.CodeAddrFamilyNotSupported, reasons[stun.CodeAddrFamilyNotSupported])
	}
	a.success = bytes.Clone(s.finishOpening(out, o, r))
}

// finishOpening ends the answer to an Allocate whose message is gone.
func (s *Server) finishOpening(out *Output, o *opening, r reply) []byte {
	q := &request{out: out, client: o.client, key: o.key, message: &message{
		integrity: &attribute{kind: o.integrity}, fingerprint: o.fingerprint,
	}}
	return s.finish(q, r)
}

// refresh handles a Refresh (RFC 8656, section 8.2).
func (s *Server) refresh(q *request, a *Allocation) {
	lifetime, zero, ok := s.lifetime(q.message)
	family, hasFamily := q.message.find(stun.AttrRequestedAddressFamily)
	switch {
	case !ok, hasFamily && len(family) != 4:
		s.refuse(q, stun.CodeBadRequest)
		return
	case hasFamily && family[0] != familyIPv4:
		s.refuse(q, stun.CodePeerAddrFamilyMismatch)
		return
	case zero:
		lifetime = 0
		s.delete(q.out, a)
	default:
		s.due(&a.deadline, q.now.Add(lifetime))
		a.sweep(q.now)
	}
	r := q.out.reply(stun.MethodRefresh, stun.ClassSuccessResponse, q.message.transaction())
	r.addUint32(stun.AttrLifetime, uint32(lifetime/time.Second))
	s.finish(q, r)
}

// delete ends an allocation and all that belongs to it.
func (s *Server) delete(out *Output, a *Allocation) {
	s.drop(&a.deadline)
	delete(s.allocations, a.Client.FiveTuple)
	s.last = nil
	s.release(a.user, a.Client.Client.Addr())
	a.socket.allocation = nil
	out.add(Action{Kind: Close, Socket: a.socket})
	out.add(Action{
		Kind: Deleted, Client: a.Client, Allocation: a, Socket: a.socket, Username: a.Username, Up: a.up.out, Down: a.down.out,
		Books: &Books{Up: a.up.ledger(), Down: a.down.ledger()},
	})
}

// releaseOpening gives back what an Allocate has claimed.
func (s *Server) releaseOpening(o *opening) {
	source := o.client.Client.Addr()
	s.release(o.user, source)
	if o.socket.next != nil {
		s.release(o.user, source)
	}
}
