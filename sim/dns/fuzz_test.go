package dns

import (
	"net/netip"
	"testing"

	wire "github.com/miekg/dns"
	"github.com/stretchr/testify/require"
)

// FuzzAnswer shows the server arbitrary messages: an answer, if there is one, is sound, fits, and has the
// question's ID.
func FuzzAnswer(f *testing.F) {
	zone, err := Zone{"edge.proxy.test": At(netip.MustParseAddr("192.0.2.1")), "www.proxy.test": {Alias: "edge.proxy.test"}}.canonical()
	require.NoError(f, err)
	for _, kind := range []uint16{wire.TypeA, wire.TypeAAAA, wire.TypeANY} {
		packed, err := new(wire.Msg).SetQuestion("edge.proxy.test.", kind).SetEdns0(4096, true).Pack()
		require.NoError(f, err)
		f.Add(packed, false)
		f.Add(packed[:len(packed)-3], true)
	}
	f.Fuzz(func(t *testing.T, message []byte, tcp bool) {
		size := 0
		if tcp {
			size = mostTCP
		}
		packed := zone.answer(message, size)
		if packed == nil {
			return
		}
		var reply wire.Msg
		require.NoError(t, reply.Unpack(packed))
		require.True(t, reply.Response)
		require.Equal(t, message[:2], packed[:2])
		if !tcp {
			require.LessOrEqual(t, len(packed), mostUDP)
		}
	})
}
