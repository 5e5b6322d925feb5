// Package device writes packets to whatever takes them, many at once where it can. It owns how that is found out.
package device

import "io"

// WritePackets writes packets to a device one after the other, or, if it has a method of this name, in one go. The error is
// of the packet behind the n that were written.
func WritePackets(to io.Writer, packets [][]byte) (n int, err error) {
	if d, ok := to.(interface {
		WritePackets(packets [][]byte) (int, error)
	}); ok {
		return d.WritePackets(packets)
	}
	for _, wire := range packets {
		if _, err := to.Write(wire); err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}
