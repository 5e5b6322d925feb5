package turn

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"time"
)

const (
	// nonceLife is in minutes. It follows RFC 8656, section 5: a nonce should expire at least once an hour.
	nonceLife = 60
	// nonceMAC is short because a forger has no other way to try one than to ask: 2^56 questions. With a longer one,
	// or a longer time beside it, the answer to the shortest request would be more than three times as long.
	nonceMAC = 7
)

var nonceText = base64.RawURLEncoding.Strict()

// nonce is one for a client, made of the time and a MAC over it and the client's transport address. The server
// keeps none: it knows its own again, and nobody can use another's (RFC 8489, section 9.2.4: the same NONCE
// must not go to two sources). Of the time, in minutes, it shows the last two bytes.
func (s *Server) nonce(now time.Time, c FiveTuple) string {
	minute := now.Unix() / 60
	b := binary.BigEndian.AppendUint16(nil, uint16(minute))
	return nonceText.EncodeToString(append(b, s.nonceMAC(minute, c)...))
}

// fresh tells whether a nonce is one that this client got, and not too long ago.
func (s *Server) fresh(now time.Time, c FiveTuple, nonce []byte) bool {
	b, err := nonceText.DecodeString(string(nonce))
	if err != nil || len(b) != 2+nonceMAC {
		return false
	}
	minute := now.Unix() / 60
	age := uint16(minute) - binary.BigEndian.Uint16(b)
	return hmac.Equal(b[2:], s.nonceMAC(minute-int64(age), c)) && age < nonceLife
}

func (s *Server) nonceMAC(minute int64, c FiveTuple) []byte {
	h := hmac.New(sha256.New, s.cfg.Secret)
	ip := c.Client.Addr().As16()
	b := append(binary.BigEndian.AppendUint64(nil, uint64(minute)), ip[:]...)
	b = binary.BigEndian.AppendUint16(b, c.Client.Port())
	if c.Stream {
		b = append(b, 1)
	}
	h.Write(b)
	return h.Sum(nil)[:nonceMAC]
}
