package check_test

import (
	"encoding/binary"
	"net"
	"net/netip"
	"time"
)

// allocation is RFC 8656, section 6.
type allocation struct {
	tuple       *tuple
	user        string
	conn        *net.UDPConn
	at          netip.AddrPort
	until       time.Time
	permissions map[netip.Addr]time.Time
	ports       map[netip.AddrPort]bool // of the permissions, which are nobody's business
	channels    map[uint16]*bound
	sent        int
	refreshed   int
}

type bound struct {
	to    netip.AddrPort
	until time.Time
}

const defaultLifetime = 600

func (s *soundServer) lifetime(q *asked) int {
	longest := 3600
	switch {
	case s.is("a maximum lifetime of 600 s"):
		longest = 600
	case s.is("a maximum lifetime of 30 h"):
		longest = 108000
	}
	if s.is("grants 300 s") && (q.method() == allocating || !q.has(life)) {
		return 300
	}
	value, ok := q.find(life)
	if !ok || len(value) != 4 {
		if s.is("takes no LIFETIME for 0") && q.method() == refreshing {
			return 0
		}
		return defaultLifetime
	}
	asked := int(binary.BigEndian.Uint32(value))
	switch {
	case asked > 0 && q.method() == refreshing && s.is("refreshes for 600 s at most"):
		return defaultLifetime
	case asked == 0 && q.method() == refreshing:
		return 0
	case s.is("grants what is asked for"):
		return asked
	}
	return max(defaultLifetime, min(asked, longest))
}

// holds is the allocation of a 5-tuple that hasn't expired.
func (u *tuple) holds() *allocation {
	if a := u.allocation; a != nil && u.server.now().After(a.until) && !u.server.is("never ends an allocation") {
		a.end()
	}
	return u.allocation
}

func (a *allocation) end() {
	u := a.tuple
	u.allocation = nil
	if u.server.is("keeps an allocation after Refresh 0") {
		return
	}
	delete(u.server.live, a)
	if u.server.is("keeps ports for a second") {
		time.AfterFunc(time.Second, func() { a.conn.Close() })
		return
	}
	a.conn.Close()
}

func (u *tuple) mapped() netip.AddrPort {
	if u.server.is("tells all the same mapped address") {
		return netip.MustParseAddrPort("192.0.2.1:1024")
	}
	if u.server.is("tells another port for the mapped one") {
		return netip.AddrPortFrom(u.from.Addr(), u.from.Port()^1)
	}
	return u.from
}

// allocate is RFC 8656, section 7.2.
func (q *asked) allocate() {
	u, s := q.tuple, q.tuple.server
	if a := u.holds(); a != nil {
		if !s.is("allocates anew on a second Allocate") && !(a.user != q.user && s.is("gives another user a 5-tuple")) {
			q.refuse(437)
			return
		}
		a.end()
	}
	protocol, _ := q.find(transport)
	token, tokened := q.find(reserved)
	evenly, evened := q.find(even)
	wanted, familied := q.find(wantedFamily)
	also, doubled := q.find(alsoFamily)
	if s.is("overlooks RESERVATION-TOKEN") {
		tokened = false
	}
	if s.is("overlooks ADDITIONAL-ADDRESS-FAMILY") {
		doubled = false
	}
	reserve := evened && len(evenly) == 1 && (evenly[0]&0x80 != 0 || s.is("reserves what nobody asked for"))
	held := s.tokens[string(token)]
	if held != nil && s.is("holds a reservation for 10 s") && s.now().Sub(held.until) > 10*time.Second {
		held = nil
	}
	switch {
	case len(protocol) > 0 && len(protocol) != 4 && protocol[0] == 17 && s.is("looks at the first byte of a transport"):
		q.grant(s.open(evened), reserve, false, doubled)
	case len(protocol) != 4 && !(len(protocol) == 0 && s.is("takes UDP for granted")):
		q.refuse(400)
	case len(protocol) == 4 && protocol[0] != 17:
		if s.is("allocates, and answers 442") {
			q.leak()
		}
		q.refuse(442)
	case tokened && (evened || familied || doubled):
		q.refuse(400)
	case tokened && (held == nil || s.is("508 to EVEN-PORT and RESERVATION-TOKEN")) && !s.is("takes every token"):
		q.refuse(508)
	case familied && doubled:
		q.refuse(400)
	case familied && (len(wanted) != 4 || wanted[0] != 1) && !(s.is("IPv6, too") && len(wanted) == 4 && wanted[0] == 2) && !s.is("gives IPv4 to all"):
		q.refuse(440)
	case doubled && (reserve || len(also) != 4 || also[0] == 1):
		q.refuse(400)
	case evened && s.is("508 to EVEN-PORT and RESERVATION-TOKEN"):
		q.refuse(508)
	case (s.is("10 allocations a user") || s.is("answers 508 over the quota")) && s.has(q.user) >= 10,
		s.is("one quota for all users") && s.has("") >= 10:
		q.refuse(486)
	case s.is("keeps an allocation after its stream") && s.has(q.user) >= 1:
		q.refuse(437)
	case s.full && s.is("answers 486 where no port is left"):
		q.refuse(486)
	case s.full:
		q.refuse(508)
	default:
		a := held
		if a == nil {
			a = s.open(evened)
		} else if delete(s.tokens, string(token)); s.is("takes a token twice") {
			s.tokens[string(token)] = s.open(false)
		}
		q.grant(a, reserve, familied && len(wanted) == 4 && wanted[0] == 2, doubled)
	}
}

// leak makes an allocation of which nobody is told.
func (q *asked) leak() {
	a := q.tuple.server.open(false)
	a.tuple, a.user, a.until = q.tuple, q.user, q.tuple.server.now().Add(defaultLifetime*time.Second)
	q.tuple.allocation, q.tuple.server.live[a] = a, true
}

func (s *soundServer) has(user string) (n int) {
	for a := range s.live {
		if a.tuple.holds() == a && (a.user == user || user == "") {
			n++
		}
	}
	return n
}

// open takes a port.
func (s *soundServer) open(evenly bool) *allocation {
	ip := net.IPv4(127, 0, 0, 1)
	if s.is("relays at another address") {
		ip = net.IPv4(127, 0, 0, 4)
	}
	for {
		conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: ip})
		if err != nil {
			panic(err)
		}
		at := conn.LocalAddr().(*net.UDPAddr).AddrPort()
		if !evenly || at.Port()%2 == 0 || s.is("overlooks EVEN-PORT") {
			return &allocation{conn: conn, at: at}
		}
		conn.Close()
	}
}

// pair takes an even port and the next one.
func (s *soundServer) pair(a *allocation) (*allocation, *allocation) {
	for {
		next := a.at.Port() + 1
		if s.is("reserves any port") {
			next = 0
		}
		conn, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(a.at.Addr(), next)))
		if err == nil {
			return a, &allocation{conn: conn, at: conn.LocalAddr().(*net.UDPAddr).AddrPort()}
		}
		a.conn.Close()
		a = s.open(true)
	}
}

func (q *asked) grant(a *allocation, reserve, six, both bool) {
	u, s := q.tuple, q.tuple.server
	var with []attribute
	if reserve {
		var next *allocation
		a, next = s.pair(a)
		token := binary.BigEndian.AppendUint64(nil, uint64(next.at.Port())<<32|0xACE)
		next.until = s.now()
		s.tokens[string(token)] = next
		if s.is("forgets what is reserved") {
			next.conn.Close()
			delete(s.tokens, string(token))
		}
		with = append(with, attribute{reserved, token})
	}
	lifetime := s.lifetime(q)
	a.tuple, a.user, a.until = u, q.user, s.now().Add(time.Duration(lifetime)*time.Second)
	a.permissions, a.ports, a.channels = map[netip.Addr]time.Time{}, map[netip.AddrPort]bool{}, map[uint16]*bound{}
	if s.is("keeps permissions for the next allocation") && u.kept != nil {
		a.permissions = u.kept
	}
	if s.is("keeps channels for the next allocation") && u.keptChannels != nil {
		a.channels = u.keptChannels
	}
	u.kept, u.keptChannels = a.permissions, a.channels
	u.allocation, s.live[a] = a, true
	at := a.at
	if six {
		at = netip.AddrPortFrom(netip.MustParseAddr("2001:db8::7"), at.Port())
	}
	if s.is("tells another relayed address than its own") {
		at = netip.AddrPortFrom(at.Addr(), at.Port()^1)
	}
	if !s.is("tells no relayed address") {
		with = append(with, attribute{relayedAt, q.address(at)})
	}
	if both && s.is("IPv6, too") {
		with = append(with, attribute{relayedAt, q.address(netip.AddrPortFrom(netip.MustParseAddr("2001:db8::7"), at.Port()))})
	} else if both {
		with = append(with, attribute{familyError, []byte{2, 0, 4, 40}})
	}
	mapped := q.address(u.mapped())
	if s.is("tells the mapped address in the clear") {
		mapped = (&message{}).address(netip.AddrPortFrom(u.from.Addr(), u.from.Port()^cookie>>16))
	}
	if s.is("ends an allocation early") {
		a.until = s.now().Add(time.Duration(lifetime) * time.Second / 3)
	}
	if s.is("says a lifetime that isn't so") {
		a.until = a.until.Add(300 * time.Second)
	}
	go s.relay(a)
	if !s.is("tells no lifetime") {
		with = append(with, attribute{life, seconds(lifetime)})
	}
	if !s.is("tells no mapped address") {
		with = append(with, attribute{mappedAt, mapped})
	}
	q.succeed(with...)
}

// allocated is the allocation that a request is about. If there is none that is the user's, it has been answered.
func (q *asked) allocated() *allocation {
	s := q.tuple.server
	a := q.tuple.holds()
	if a == nil && s.is("finds an allocation by its user") {
		for other := range s.live {
			if other.user == q.user {
				a = other
			}
		}
	}
	switch {
	case a == nil:
		q.refuse(437)
		return nil
	case q.user != a.user && !s.is("lets another user refresh") && q.user != "":
		if s.is("deletes, and answers 441") && q.method() == refreshing {
			a.end()
		}
		if s.is("permits, and answers 441") && q.method() == permitting {
			a.allow(q.peers()...)
		}
		q.refuse(441)
		return nil
	}
	return a
}

// refresh is RFC 8656, section 8.2.
func (q *asked) refresh() {
	s := q.tuple.server
	lifetime := s.lifetime(q)
	if q.tuple.deleted && q.tuple.holds() == nil && lifetime == 0 && s.is("takes Refresh 0 again and again") {
		q.succeed(attribute{life, seconds(0)})
		return
	}
	a := q.allocated()
	if a == nil {
		return
	}
	if wanted, ok := q.find(wantedFamily); ok && (len(wanted) != 4 || wanted[0] != 1 || s.is("refuses a Refresh of any family")) {
		if s.is("deletes, and answers 443") {
			a.end()
		}
		q.refuse(443)
		return
	}
	if left := int(a.until.Sub(s.now()).Seconds()) + 1; lifetime > 0 && s.is("never shortens a lifetime") {
		lifetime = max(lifetime, left)
	}
	if a.until = s.now().Add(time.Duration(lifetime) * time.Second); s.is("refreshes for a third of what it says") {
		a.until = s.now().Add(time.Duration(lifetime) * time.Second / 3)
	}
	if s.is("refreshes for a second at the second time") {
		if a.refreshed++; a.refreshed == 2 && lifetime > 0 {
			lifetime = 1
		}
	}
	if s.is("forgets permissions at a Refresh") {
		clear(a.permissions)
	}
	if s.is("forgets channels at a Refresh") {
		clear(a.channels)
	}
	if lifetime == 0 {
		for other := range s.live {
			if other != a && other.user == a.user && s.is("deletes all of a user's allocations") {
				other.end()
			}
		}
		a.end()
		q.tuple.deleted = true
	}
	if s.is("refreshes permissions with the allocation") {
		for ip := range a.permissions {
			a.permissions[ip] = s.now().Add(300 * time.Second)
		}
	}
	q.succeed(attribute{life, seconds(lifetime)})
}
