package world

import (
	"crypto/sha256"
	"encoding/hex"
)

// Digest is how the timeline names a message's text: its SHA-256.
func Digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

func digest(text string) string {
	if text == "" {
		return ""
	}
	return Digest(text)
}
