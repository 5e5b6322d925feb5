package relay

// The ports of a relay by the document's table.
var (
	MessagePorts = []int{443, 4000}
	TCPPorts     = span(3433, 3460)
	UDPPorts     = span(3478, 3500)
)

func span(first, last int) (ports []int) {
	for p := first; p <= last; p++ {
		ports = append(ports, p)
	}
	return ports
}
