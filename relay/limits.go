package relay

// MaxAllocations is how many allocations a session may have at one relay unless Limits says otherwise, all ports
// together: some for every user that a client subscribes to.
const MaxAllocations = 128

// Limits is what each relay grants. The zero value is the default of each. A negative number is no limit.
type Limits struct {
	SessionAllocations int // of one session; default MaxAllocations
	SourceAllocations  int // of one address of clients', behind which an office may be; default: no limit
	Allocations        int // of all; default 12,000, so that a free one of the 16,384 ports is soon found

	// Connections is how many TCP connections each of a node's purposes may have at once, whatever they have said so
	// far, and SourceConnections how many of them one address. One that comes on top is closed at once. Default 20,000
	// and 10,000.
	Connections, SourceConnections int

	UserConnections int // for messages, of one user; default 16

	SessionRate int // bytes of media in a second that one session may send, and receive; default: no limit

	// Strangers is how many requests in a second from one address are answered over UDP while it hasn't shown that
	// it is there; a burst of 1,000 comes on top. Default 1,000.
	Strangers int
}

func (l Limits) withDefaults() Limits {
	for _, f := range []struct {
		value  *int
		normal int
	}{
		{&l.SessionAllocations, MaxAllocations}, {&l.SourceAllocations, -1}, {&l.Allocations, 12_000}, {&l.Connections, 20_000}, {&l.SourceConnections, 10_000},
		{&l.UserConnections, 16}, {&l.SessionRate, -1}, {&l.Strangers, 1000},
	} {
		if *f.value == 0 {
			*f.value = f.normal
		}
	}
	return l
}

// limit is a limit as relay/turn has it, where 0 is none.
func limit(n int) int { return max(0, n) }
