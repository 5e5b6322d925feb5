package rtc

import (
	"crypto/rand"
	"encoding/pem"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Two certificates of one length: else a handshake's packets would vary.
func TestCertificatesHaveOneLength(t *testing.T) {
	lengths := map[int]bool{}
	for range 100 {
		c, err := Certificate(rand.Reader, time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
		require.NoError(t, err)
		text, err := c.PEM()
		require.NoError(t, err)
		block, _ := pem.Decode([]byte(text))
		lengths[len(block.Bytes)] = true
		fingerprints, err := c.GetFingerprints()
		require.NoError(t, err)
		require.Len(t, fingerprints, 1)
	}
	require.Len(t, lengths, 1)
}
