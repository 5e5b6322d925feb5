package turn

import (
	"encoding/binary"
	"errors"
)

// MaxFrame is how long a message of a stream can be: a STUN header and as much as its length can say.
const MaxFrame = headerSize + 0xFFFC

// ErrFrame is what Frame says of a stream that has lost its frames, if it ever had any: the connection is of no
// use any more (RFC 8489, section 6.2.2, knows no way back).
var ErrFrame = errors.New("the stream is neither STUN nor ChannelData")

// Frame is the length of the first message of a stream, with the padding that ChannelData has there (RFC 8656,
// section 12.5). It is more than len(stream) if the message hasn't arrived as a whole, and 0 if not even enough
// to tell.
func Frame(stream []byte) (int, error) {
	if len(stream) < 4 {
		if len(stream) > 0 && stream[0]>>6 > 1 {
			return 0, ErrFrame
		}
		return 0, nil
	}
	length := int(binary.BigEndian.Uint16(stream[2:]))
	switch stream[0] >> 6 {
	case 0:
		if length%4 != 0 {
			return 0, ErrFrame
		}
		return headerSize + length, nil
	case 1:
		return channelHeaderSize + padded(length), nil
	}
	return 0, ErrFrame
}
