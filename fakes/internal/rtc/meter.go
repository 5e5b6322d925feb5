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
}

// NewMeter makes a meter of a track with the codec mime.
func NewMeter(mime string) *Meter {
	return &Meter{mime: strings.ToLower(mime), digest: sha256.New()}
}

// Count takes one packet.
func (m *Meter) Count(p *rtp.Packet) {
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

// Totals is what has been counted so far.
func (m *Meter) Totals() Totals {
	t := m.totals
	t.Digest = hex.EncodeToString(m.digest.Sum(nil))
	return t
}

// part is the piece of an encoded frame in a packet, and whether the frame begins and ends with it. Of
// H.264 the payload is taken as it is, and a frame is assumed to begin where the last one ended.
func (m *Meter) part(p *rtp.Packet) (encoded []byte, first, last bool) {
	switch m.mime {
	case strings.ToLower(webrtc.MimeTypeVP8):
		var v codecs.VP8Packet
		encoded, err := v.Unmarshal(p.Payload)
		if err != nil {
			return nil, false, false
		}
		return encoded, v.S == 1 && v.PID == 0, p.Marker
	case strings.ToLower(webrtc.MimeTypeOpus):
		return p.Payload, true, true
	default:
		return p.Payload, m.totals.Packets == 1 || m.ended && p.SequenceNumber == m.next, p.Marker
	}
}
