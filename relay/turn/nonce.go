package turn

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"time"
)

const (
	// nonceLife follows RFC 8656, section 5: a nonce should expire at least once an hour.
	nonceLife = time.Hour
	// nonceMAC is short because a forger has no other way to try one than to ask: 2^64 questions. A longer
	// one would make the answer to an unauthenticated request more than three times as long as the request.
	nonceMAC = 8
)

var nonceText = base64.RawURLEncoding.Strict()

// nonce is one for a client, made of the time and a MAC over it and the client's transport address. The server
// keeps none: it knows its own again, and nobody can use another's (RFC 8489, section 9.2.4: the same NONCE
// must not go to two sources).
func (s *Server) nonce(now time.Time, c FiveTuple) string {
	b := binary.BigEndian.AppendUint32(nil, uint32(now.Unix()))
	return nonceText.EncodeToString(append(b, s.nonceMAC(b, c)...))
}

// fresh tells whether a nonce is one that this client got, and not too long ago.
func (s *Server) fresh(now time.Time, c FiveTuple, nonce []byte) bool {
	b, err := nonceText.DecodeString(string(nonce))
	if err != nil || len(b) != 4+nonceMAC || !hmac.Equal(b[4:], s.nonceMAC(b[:4], c)) {
		return false
	}
	age := time.Duration(int32(uint32(now.Unix())-binary.BigEndian.Uint32(b))) * time.Second
	return age >= 0 && age < nonceLife
}

func (s *Server) nonceMAC(issued []byte, c FiveTuple) []byte {
	h := hmac.New(sha256.New, s.cfg.Secret)
	h.Write(issued)
	ip := c.Client.Addr().As16()
	h.Write(ip[:])
	port := binary.BigEndian.AppendUint16(nil, c.Client.Port())
	if c.Stream {
		port = append(port, 1)
	}
	h.Write(port)
	return h.Sum(nil)[:nonceMAC]
}
