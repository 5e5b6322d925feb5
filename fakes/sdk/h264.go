package sdk

import "slices"

// A picture of H.264 is 32 by 32, four macroblocks whose samples are written out (I_PCM): any bytes are a picture, and no
// encoder is needed. What surrounds them is constrained baseline; sections are those of ITU-T H.264.
var (
	// 7.3.2.1: profile 66 with its constraints, level 3.1; four bits of frame_num, output in the order of decoding, one
	// reference, 2 by 2 macroblocks.
	h264Sequence = []byte{0x67, 0x42, 0xe0, 0x1f, 0xda, 0x25, 0x90}
	// 7.3.2.2: CAVLC, one slice group, nothing else.
	h264Picture = []byte{0x68, 0xce, 0x38, 0x80}
	// 7.3.2.3, D.1.4: twelve bytes of filler. In the place of the two sets above, where they aren't needed, it makes the
	// RTP packet as long as theirs.
	h264Filler = []byte{6, 3, 12, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 0x80}

	h264Start = []byte{0, 0, 0, 1} // B.1.1
)

const (
	macroblocks     = 4
	macroblockBytes = 16*16 + 2*8*8
)

// h264Frame is the n-th frame, as many after the last key frame. A slice is a byte of its own, its header (7.3.3) and, each
// after its type, the macroblocks. Samples have the highest bit set, so that no start code has to be prevented (7.4.1).
func h264Frame(n, since uint32) []byte {
	var parts [][]byte
	var next []byte // the type of the second macroblock and later ones, up to a whole byte
	if since == 0 {
		header := []byte{0x65, 0x88, 0x84, 0x86, 0x80} // an IDR picture of I_PCM
		if n%2 == 1 {
			header = []byte{0x65, 0x88, 0x82, 0x21, 0xa0} // idr_pic_id tells it from the one right before
		}
		parts = [][]byte{h264Start, h264Sequence, h264Start, h264Picture, h264Start, header}
		next = []byte{0x0d, 0x00}
	} else {
		number := byte(since % 16)                                             // frame_num
		header := []byte{0x41, 0x9a | number>>3, number<<5 | 0x03, 0x0f, 0x80} // predicted, in which I_PCM may be too
		parts = [][]byte{h264Start[1:], h264Filler, h264Start, header}
		next = []byte{0x87, 0xc0}
	}
	samples := noise(n, macroblocks*macroblockBytes)
	for macroblock := range slices.Chunk(samples, macroblockBytes) {
		parts = append(parts, macroblock, next)
	}
	parts[len(parts)-1] = []byte{0x80} // the end of the slice
	return slices.Concat(parts...)
}
