package check_test

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"time"
)

// asked is a request and what is said to it.
type asked struct {
	*message
	tuple  *tuple
	user   string
	key    []byte
	longer bool // with MESSAGE-INTEGRITY-SHA256
}

// request answers a request (RFC 8489, sections 6.3 and 9.2.4).
func (u *tuple) request(m *message) {
	s := u.server
	q := &asked{message: m, tuple: u}
	handle := map[uint16]func(*asked){
		allocating: (*asked).allocate, refreshing: (*asked).refresh, permitting: (*asked).permit, channelling: (*asked).bind,
	}[m.method()]
	again := u.answers[m.id]
	if s.is("knows transactions by their ID alone") {
		for _, other := range s.tuples {
			if b := other.answers[m.id]; b != nil {
				again = b
			}
		}
	}
	if m.malformed() && s.is("dies of malformed attributes") || len(m.raw) > 900 && s.is("dies of long messages") {
		s.dead = true
		return
	}
	switch {
	case m.at[0] != 0:
		q.refuse(400)
	case again != nil && u.conn == nil && !s.is("takes a repetition for another request"):
		u.write(again)
	case m.method() == binding:
		q.bindingRequest()
	case handle == nil && s.is("answers 400 to unknown methods"):
		q.refuse(400)
	case handle != nil && s.refuses(m.method()) && q.authentic():
		q.refuse(400)
	case handle != nil && (s.is("420 before 401") && q.unknown() || !q.authentic() || q.unknown()):
	case handle != nil:
		handle(q)
	}
}

// refuses says whether a method is one that the server refuses whoever is right.
func (s *soundServer) refuses(method uint16) bool {
	return map[uint16]bool{
		allocating: s.is("refuses every Allocate"), refreshing: s.is("refuses every Refresh"),
		permitting: s.is("refuses every CreatePermission"), channelling: s.is("refuses every ChannelBind"),
	}[method]
}

func (q *asked) bindingRequest() {
	s := q.tuple.server
	switch {
	case s.is("no Binding"):
	case s.is("Binding for known users only"):
		if q.authentic() {
			q.refuse(400)
		}
	case s.is("answers Binding without an address"):
		q.succeed()
	case !q.unknown():
		q.succeed(attribute{mappedAt, q.address(q.tuple.mapped())})
	}
}

// authentic says whether the request may be processed. If not, it has been answered.
func (q *asked) authentic() bool {
	s := q.tuple.server
	name, named := q.find(username)
	_, inRealm := q.find(realmIs)
	nonce, fresh := q.find(nonceIs)
	password, known := map[string]string{alice.Username: alice.Password, bob.Username: bob.Password}[string(name)]
	q.longer = q.has(integrity256) && s.is("signs as it was asked")
	key := longTermKey(string(name), s.realm(), password)
	agreed := true
	if s.offers() {
		chosen, choice := q.find(algorithm)
		list, listed := q.find(algorithms)
		wrong := !choice || !listed || len(chosen) != 4 || chosen[1] != 1 && chosen[1] != 2
		agreed = !choice && !listed || !wrong && (string(list) == offer || s.is("believes any offer"))
		if choice && len(chosen) == 4 && chosen[1] == 2 && !s.is("takes every password algorithm for MD5") {
			key = sha256Sum(string(name) + ":" + s.realm() + ":" + password)
		}
	}
	switch {
	case !q.has(integrity) && (!q.has(integrity256) || s.is("knows no SHA-256")):
		if s.is("trusts a Refresh without credentials") && q.method() == refreshing && q.tuple.allocation != nil {
			return true
		}
		if s.nth("ignores every 25th challenge", 25) {
			return false // as one that answers strangers so often a second
		}
		q.challenge(401)
	case !named && s.is("answers 401 to who names no user"), !fresh && s.is("answers 401 to who has no nonce"):
		q.challenge(401)
	case s.is("offers MD5 and refuses it") && q.choice() == 1:
		q.refuse(400)
	case !named, !inRealm && !s.is("takes the realm for granted"), !fresh:
		q.refuse(400)
	case !agreed && !(s.is("overlooks what of the offer is missing") && !q.has(algorithms)):
		q.refuse(400)
	case !known && !s.is("answers 400 to unknown users"):
		q.challenge(401)
	case !known:
		q.refuse(400)
	case s.is("tries every user's key") && s.signedBy(q.message, longTermKey(bob.Username, s.realm(), bob.Password)):
		q.user, q.key = string(name), key
		return true
	case !s.signedBy(q.message, key) && !s.is("takes every password"):
		if s.is("deletes for a wrong password") && q.method() == refreshing && q.tuple.allocation != nil {
			q.tuple.allocation.end()
		}
		q.challenge(401)
	case !q.tuple.takes(string(nonce)):
		q.challenge(438)
	default:
		q.user, q.key = string(name), key
		return true
	}
	return false
}

// choice is the password algorithm of a request, 0 if it names none.
func (q *asked) choice() byte {
	if chosen, ok := q.find(algorithm); ok && len(chosen) == 4 {
		return chosen[1]
	}
	return 0
}

// offer is PASSWORD-ALGORITHMS: SHA-256 and MD5.
const offer = "\x00\x02\x00\x00\x00\x01\x00\x00"

// offers says whether the server offers password algorithms.
func (s *soundServer) offers() bool {
	return s.is("nonces with a cookie, and password algorithms") || s.is("believes any offer") ||
		s.is("takes every password algorithm for MD5") || s.is("overlooks what of the offer is missing") ||
		s.is("offers MD5 and refuses it") || s.is("offers algorithms that its nonces don't tell of")
}

func (s *soundServer) realm() string {
	if s.is("a realm in Greek with spaces") {
		return "το δίκτυο \"μας\", εδώ"
	}
	return "example.org"
}

// takes says whether a nonce is good.
func (u *tuple) takes(nonce string) bool {
	s := u.server
	given, ok := u.nonces[nonce]
	u.used[nonce]++
	switch {
	case s.is("takes every nonce"):
		return true
	case s.is("looks at the length of a nonce"):
		return len(nonce) == len(rand.Text())
	case s.is("takes each nonce but the first for a stale one"):
		return ok && len(u.nonces) == 1
	case s.is("a nonce for each request"):
		return ok && u.used[nonce] == 1
	case s.is("a nonce for two requests"):
		return ok && u.used[nonce] <= 2
	}
	return ok && (s.now().Sub(given) < time.Hour || s.is("keeps nonces for ever"))
}

func (u *tuple) nonce() string {
	s := u.server
	if s.is("gives all the same nonce") {
		u.nonces["the same"] = s.now()
		return "the same"
	}
	nonce := rand.Text()
	switch {
	case s.is("nonces of 127 characters"):
		nonce += strings.Repeat("𝄞", 127-len(nonce))
	case s.is("gives nonces of 763 bytes"):
		nonce += strings.Repeat("é", (763-len(nonce))/2)
	case s.offers() && !s.is("offers algorithms that its nonces don't tell of") || s.is("tells of algorithms and offers none"):
		nonce = "obMatJos2gAAA" + nonce // the bit of password algorithms
	}
	u.nonces[nonce] = s.now()
	return nonce
}

// challenge asks for credentials.
func (q *asked) challenge(code int) {
	s := q.tuple.server
	if a := q.tuple.allocation; a != nil && q.method() == permitting &&
		(s.is("permits, and answers 401") && code == 401 && q.has(integrity) || s.is("permits, and answers 438") && code == 438) {
		a.allow(q.peers()...)
	}
	nonce := []byte(q.tuple.nonce())
	if code == 438 && s.is("gives a 438 a stale nonce") {
		delete(q.tuple.nonces, string(nonce))
	}
	if old, _ := q.find(nonceIs); code == 438 && s.is("gives a 438 the nonce that it refuses") {
		nonce = old
	}
	with := []attribute{{realmIs, []byte(s.realm())}, {nonceIs, nonce}}
	if s.is("names no realm") {
		with = with[1:]
	}
	if s.offers() {
		with = append(with, attribute{algorithms, []byte(offer)})
	}
	q.refuse(code, with...)
}

// unknown answers 420 where there is what the server doesn't understand (RFC 8489, section 6.3.1).
func (q *asked) unknown() bool {
	s := q.tuple.server
	var list []byte
	for _, a := range q.attributes {
		odd := a.kind < 0x8000 && !slices.Contains(understood, a.kind) ||
			a.kind == whole && s.is("no DONT-FRAGMENT") ||
			(a.kind == even || a.kind == reserved) && s.is("420 to EVEN-PORT and RESERVATION-TOKEN")
		if odd && !(s.is("lists one unknown attribute") && list != nil) {
			list = binary.BigEndian.AppendUint16(list, a.kind)
		}
		if a.kind >= 0x8000 && a.kind != alsoFamily && a.kind != software && a.kind != fingerprint && s.is("refuses optional attributes") {
			list = binary.BigEndian.AppendUint16(list, a.kind)
		}
	}
	if list == nil || s.is("overlooks what it must understand") {
		return false
	}
	if s.is("allocates, and answers 420") && q.method() == allocating {
		q.leak()
	}
	if s.is("answers 420 without a list") {
		list = nil
	}
	q.refuse(420, attribute{unknownAttributes, list})
	return true
}

var reasons = map[int]string{
	400: "Bad Request", 401: "Unauthenticated", 403: "Forbidden", 420: "Unknown Attribute", 437: "Allocation Mismatch", 438: "Stale Nonce",
	440: "Address Family not Supported", 441: "Wrong Credentials", 442: "Unsupported Transport Protocol",
	443: "Peer Address Family Mismatch", 486: "Allocation Quota Reached", 508: "Insufficient Capacity",
}

func (q *asked) refuse(code int, with ...attribute) {
	s := q.tuple.server
	for _, forgets := range []int{403, 420, 437, 438, 443} {
		if a := q.tuple.allocation; a != nil && code == forgets && s.is(fmt.Sprint("forgets permissions, and answers ", code)) {
			clear(a.permissions)
		}
	}
	for name, as := range map[string][2]int{
		"answers 400 instead of 437": {437, 400}, "answers 401 instead of 441": {441, 401}, "answers 400 instead of 442": {442, 400},
		"answers 400 instead of 443": {443, 400}, "answers 508 instead of 440": {440, 508}, "answers 401 instead of 438": {438, 401},
		"answers 508 over the quota": {486, 508},
	} {
		if s.is(name) && code == as[0] {
			code = as[1]
		}
	}
	reason := reasons[code]
	if s.is("reasons in Japanese") {
		reason = strings.Repeat("要求を処理できません", 8) // as long as may be, in characters
	}
	if s.is("gives reasons of 300 characters") {
		reason = strings.Repeat("no ", 100)
	}
	if s.is("no reasons") {
		reason = ""
	}
	m := &message{kind: q.method() | failing, id: q.id}
	class := []byte{0, 0, byte(code / 100)}
	if s.is("reserved bits in error codes") {
		class = []byte{0xA5, 0xA5, 0xA0 | byte(code/100)}
	}
	m.add(errorCode, append(append(class, byte(code%100)), reason...))
	m.attributes = append(m.attributes, with...)
	key := q.key
	if s.is("signs no errors") || s.is("signs no 403") && code == 403 || s.is("signs no 443") && code == 443 ||
		s.is("signs no 440") && code == 440 || s.is("signs no 508") && code == 508 {
		key = nil
	}
	if s.is("signs a 401") && code == 401 {
		key = longTermKey(alice.Username, s.realm(), alice.Password)
	}
	if s.is("signs a 441 with the owner's key") && code == 441 {
		key = longTermKey(alice.Username, s.realm(), alice.Password)
	}
	q.reply(m, key)
}

func (q *asked) succeed(with ...attribute) {
	key := q.key
	switch s := q.tuple.server; {
	case s.is("signs no success but Allocate's") && q.method() != allocating:
		key = nil
	case s.is("signs with the password") && key != nil:
		key = []byte("secret")
	}
	if q.tuple.server.is("has attributes that nobody assigned") {
		with = append(with, attribute{0x7777, nil})
	}
	q.reply(&message{kind: q.method() | succeeding, id: q.id, attributes: with}, key)
}

func (q *asked) reply(m *message, key []byte) {
	if q.tuple.server.is("answers all as Allocate") {
		m.kind |= allocating
	}
	b := q.tuple.server.wire(m, key, q.longer)
	q.tuple.answers[q.id] = b
	q.tuple.write(b)
}

func seconds(n int) []byte { return binary.BigEndian.AppendUint32(nil, uint32(n)) }
