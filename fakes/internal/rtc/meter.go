package rtc

import (
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"strings"

	"github.com/pion/rtp"
	"github.com/pion/rtp/codecs"
	"github.com/pion/webrtc/v4"
)

// Totals are what a Meter has counted.
type Totals struct {
	Packets int
	Bytes   int    // of RTP payload
	Frames  int    // encoded frames that arrived whole
	Missing int    // packets between the first and the latest that have not come, by their sequence numbers
	Digest  string // hexadecimal SHA-256 over the encoded frames, in order of arrival
}

// Meter counts the RTP packets of one track and the encoded frames in them. It isn't safe for concurrent use.
type Meter struct {
	mime   string
	totals Totals
	digest hash.Hash

	next  uint16 // the sequence number that comes next, if nothing is lost
	ended bool   // the last packet ended a frame
	whole bool   // no packet of the frame under way is missing

	ahead   uint16          // the sequence number after the highest so far
	missing map[uint16]bool // those below it that have not come
}

// maxGap is how far a sequence number may jump ahead and still mean packets that are missing: RFC 3550, appendix
// A.1, has MAX_DROPOUT for it. Beyond that a new numbering begins.
const maxGap = 3000

// NewMeter makes a meter of a track with the codec mime.
func NewMeter(mime string) *Meter {
	return &Meter{mime: mime, digest: sha256.New(), missing: map[uint16]bool{}}
}

// Count takes one packet.
func (m *Meter) Count(p *rtp.Packet) {
	m.number(p.SequenceNumber)
	m.totals.Packets++
	m.totals.Bytes += len(p.Payload)
	encoded, first, last := m.part(p)
	m.digest.Write(encoded)
	m.whole = first || m.whole && p.SequenceNumber == m.next
	m.next, m.ended = p.SequenceNumber+1, last
	if last && m.whole {
		m.totals.Frames++
		m.whole = false
	}
}

// number takes note of a sequence number.
func (m *Meter) number(n uint16) {
	switch gap := n - m.ahead; {
	case m.totals.Packets == 0 || gap < maxGap:
		for ; m.totals.Packets > 0 && m.ahead != n; m.ahead++ {
			m.missing[m.ahead] = true
		}
		m.ahead = n + 1
	case m.missing[n]:
		delete(m.missing, n) // late
	case -gap > maxGap:
		clear(m.missing)
		m.ahead = n + 1
	}
}

// Totals is what has been counted so far.
func (m *Meter) Totals() Totals {
	t := m.totals
	t.Missing = len(m.missing)
	t.Digest = hex.EncodeToString(m.digest.Sum(nil))
	return t
}

// part is the piece of an encoded frame in a packet, and whether the frame begins and ends with it. Of
// H.264 the payload is taken as it is, and a frame is assumed to begin where the last one ended.
func (m *Meter) part(p *rtp.Packet) (encoded []byte, first, last bool) {
	switch {
	case strings.EqualFold(m.mime, webrtc.MimeTypeVP8):
		var v codecs.VP8Packet
		encoded, err := v.Unmarshal(p.Payload)
		if err != nil {
			return nil, false, false
		}
		return encoded, v.S == 1 && v.PID == 0, p.Marker
	case strings.EqualFold(m.mime, webrtc.MimeTypeOpus):
		return p.Payload, true, true
	default:
		return p.Payload, m.totals.Packets == 1 || m.ended && p.SequenceNumber == m.next, p.Marker
	}
}
