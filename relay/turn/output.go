package turn

import "net/netip"

// Kind says what an Action asks for, or tells.
type Kind uint8

// The kinds of actions. Those from Created on ask for nothing.
const (
	Open     Kind = iota + 1 // open a socket for Socket, on an even port if Even, and for Next on the port after it
	Close                    // close the socket of Socket
	ToClient                 // write Payload to Client
	ToPeer                   // send Payload from Socket to Peer, or fail; with DontFragment, in one piece or not at all

	Created     // Allocation was made; its client will be told next
	Deleted     // Allocation ended: by its client, by expiry, with its connection or with the server
	Denied      // Client's credentials were refused for Method; Err says why, unless they were merely wrong
	OverQuota   // Client was refused an allocation: Err is ErrUserQuota or ErrSourceQuota
	NoCapacity  // Client was refused an allocation: Err says why there was no port, or is ErrFull, ErrDraining or ErrReservation
	PeerRefused // Client was refused Peer, whose port says nothing; Err is ErrPeers if Permit would have it
)

// Action is one thing to do, or to know. What isn't about its kind is unset. Its bytes are part of the Output,
// or of the message that was handed in: they are good until either is used again.
type Action struct {
	Kind Kind
	// Data says that a ToClient is a peer's packet: one that can't be delivered is Undelivered.
	Data         bool
	Even         bool
	DontFragment bool

	Client     Client
	Allocation *Allocation
	Socket     *Socket
	Next       *Socket // nil: no port is to be reserved
	Peer       netip.AddrPort
	Payload    []byte

	// Up and Down are what the allocation has passed on so far, this packet included. ToPeer, ToClient with
	// Data, PeerRefused and Deleted have them. Bytes of the packet itself, without any framing, is Size.
	Up, Down Traffic
	Size     int

	Books *Books // of an allocation that was Deleted

	Username string
	Method   string
	Err      error
}

// Traffic counts packets and the bytes of their payload, without any framing.
type Traffic struct {
	Packets uint64
	Bytes   uint64
}

func (t *Traffic) add(n int) {
	t.Packets++
	t.Bytes += uint64(n)
}

func (t *Traffic) sub(n int) {
	t.Packets--
	t.Bytes -= uint64(n)
}

// Output takes what a Server has to say. It may be used again after Reset, and then allocates nothing.
type Output struct {
	Actions []Action
	bytes   []byte
}

// Reset forgets the actions, once they have been carried out.
func (o *Output) Reset() {
	clear(o.Actions) // nothing is kept alive
	o.Actions, o.bytes = o.Actions[:0], o.bytes[:0]
}

func (o *Output) add(a Action) { o.Actions = append(o.Actions, a) }

// Client is whom a message came from.
type Client struct {
	FiveTuple
	// Via is the caller's, who finds it again in every action about this client: the socket to answer on, say.
	Via any
}

// FiveTuple names a client's way to the server (RFC 8656, section 2).
type FiveTuple struct {
	Stream bool // TCP or TLS
	Client netip.AddrPort
	Server netip.AddrPort
}

// Socket is that of a relayed transport address. The server makes it and says what to do with it.
type Socket struct {
	// Owner is the caller's: what it opened, say. The server never looks at it.
	Owner any

	at         netip.AddrPort
	allocation *Allocation
	next       *Socket // that is to be reserved, as long as this one is being opened
}
