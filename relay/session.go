package relay

import (
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"strconv"
	"strings"
	"time"
)

// session is what a lookup grants: a client may begin a message connection and TURN allocations
// until it expires. What was begun before goes on.
//
// The cloud keeps no table of sessions. A session is what its token says, signed, so that edges and
// relays need share nothing but the secret, and a flood of lookups costs no memory.
type session struct {
	Name    string `json:"s"` // 16 hexadecimal digits, public
	Expires int64  `json:"e"` // Unix time, seconds
	AppID   string `json:"a"`
	Channel string `json:"c"`
	UID     string `json:"u,omitempty"`
}

func (s session) expired(now time.Time) bool { return !now.Before(time.Unix(s.Expires, 0)) }

// user says whom the session counts as when an account's concurrent users are counted: lookups of
// one channel and UID are one user's, however many there are. Without a UID a session is a user.
func (s session) user() user {
	if s.UID == "" {
		return user{appID: s.AppID, session: s.Name}
	}
	return user{appID: s.AppID, channel: s.Channel, uid: s.UID}
}

// token is the session as message URLs carry it: the claims and their HMAC-SHA-256, both in
// unpadded base64url.
func (s session) token(secret []byte) string {
	claims, err := json.Marshal(s)
	if err != nil {
		panic(err) // strings and an integer always marshal
	}
	enc := base64.RawURLEncoding
	return enc.EncodeToString(claims) + "." + enc.EncodeToString(signClaims(secret, claims))
}

// openToken is the session of a token that we made. It doesn't look at the expiry.
func openToken(secret []byte, token string) (s session, ok bool) {
	enc := base64.RawURLEncoding.Strict() // one spelling a token
	head, tail, _ := strings.Cut(token, ".")
	claims, err := enc.DecodeString(head)
	if err != nil {
		return session{}, false
	}
	mac, err := enc.DecodeString(tail)
	if err != nil || !hmac.Equal(mac, signClaims(secret, claims)) {
		return session{}, false
	}
	err = json.Unmarshal(claims, &s)
	return s, err == nil
}

func signClaims(secret, claims []byte) []byte {
	h := hmac.New(sha256.New, secret)
	h.Write(claims)
	return h.Sum(nil)
}

// turnUsername is the username of the session's TURN credentials, "expiry:session", by
// draft-uberti-behave-turn-rest-00, section 2.2.
func (s session) turnUsername() string { return strconv.FormatInt(s.Expires, 10) + ":" + s.Name }

// openTURNUsername is the session of a TURN username. It has a name and an expiry only.
func openTURNUsername(username string) (s session, ok bool) {
	expiry, name, _ := strings.Cut(username, ":")
	n, err := strconv.ParseInt(expiry, 10, 64)
	if err != nil || name == "" {
		return session{}, false
	}
	return session{Name: name, Expires: n}, true
}

// turnCredential is the password that goes with a TURN username: base64 of its HMAC-SHA-1, as that
// draft and every TURN server with a shared secret have it.
func turnCredential(secret []byte, username string) string {
	h := hmac.New(sha1.New, secret)
	h.Write([]byte(username))
	return base64.StdEncoding.EncodeToString(h.Sum(nil))
}
