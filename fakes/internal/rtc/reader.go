package rtc

import (
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"
)

// Reader reads the packets of a track on one buffer. webrtc.TrackRemote.ReadRTP makes one for each.
type Reader struct {
	track  *webrtc.TrackRemote
	buffer [1500]byte // of an IP packet
	packet rtp.Packet
}

// NewReader makes a reader of a track.
func NewReader(t *webrtc.TrackRemote) *Reader { return &Reader{track: t} }

// Next is the next packet, until the one after it is asked for.
func (r *Reader) Next() (*rtp.Packet, error) {
	n, _, err := r.track.Read(r.buffer[:])
	if err != nil {
		return nil, err
	}
	r.packet = rtp.Packet{}
	if err := r.packet.Unmarshal(r.buffer[:n]); err != nil {
		return nil, err
	}
	return &r.packet, nil
}
