package crowd

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/pion/stun/v3"

	"github.com/proxyspec/proxyspec/relay"
	"github.com/proxyspec/proxyspec/sim"
)

const (
	// firstWait is how long an answer is waited for before the request is sent again; it doubles (RFC 8489, section
	// 6.2.1).
	firstWait = 500 * time.Millisecond
	tries     = 5
	// refreshEvery is well within the 300 s of a permission (RFC 8656, section 9).
	refreshEvery = 240 * time.Second
	channel      = 0x4000
	channelHead  = 4
)

// allocation is a TURN allocation over UDP with a channel to one peer (RFC 8656).
type allocation struct {
	conn       net.Conn
	peer       netip.AddrPort
	user       string
	credential string

	mu      sync.Mutex
	nonce   stun.Nonce
	key     stun.MessageIntegrity
	waiting map[[stun.TransactionIDSize]byte]chan *stun.Message
}

// refusedError is a TURN error answer.
type refusedError struct {
	method stun.Method
	code   stun.ErrorCode
}

func (e *refusedError) Error() string { return fmt.Sprintf("%v is refused with %d", e.method, e.code) }

// allocate makes an allocation on a connected socket, which receive is handed every datagram of the peer from.
func allocate(conn net.Conn, user, credential string, peer netip.AddrPort, receive func([]byte)) (*allocation, error) {
	a := &allocation{conn: conn, peer: peer, user: user, credential: credential,
		key:     stun.NewLongTermIntegrity(user, relay.Realm, credential),
		waiting: map[[stun.TransactionIDSize]byte]chan *stun.Message{}}
	conn.(sim.UDPHandler).Handle(func(p []byte, _ netip.AddrPort, err error) {
		if err == nil { // otherwise nobody listens there, and who asked finds out, or it is the end
			a.take(p, receive)
		}
	})
	_, err := a.request(stun.MethodAllocate, stun.RawAttribute{Type: stun.AttrRequestedTransport, Value: []byte{17, 0, 0, 0}})
	if err == nil {
		err = a.bind()
	}
	return a, err
}

// bind binds the channel, or refreshes it and its permission.
func (a *allocation) bind() error {
	_, err := a.request(stun.MethodChannelBind,
		stun.RawAttribute{Type: stun.AttrChannelNumber, Value: []byte{channel >> 8, channel & 0xff, 0, 0}},
		peerAddress(a.peer))
	return err
}

// refresh keeps the allocation.
func (a *allocation) refresh() error {
	if _, err := a.request(stun.MethodRefresh); err != nil {
		return err
	}
	return a.bind()
}

// free gives the allocation back. It doesn't insist: whoever leaves doesn't wait for a relay that is gone.
func (a *allocation) free() {
	_, _ = a.request(stun.MethodRefresh, stun.RawAttribute{Type: stun.AttrLifetime, Value: make([]byte, 4)})
}

// request asks, and once more with the nonce that the relay asks for.
func (a *allocation) request(method stun.Method, attributes ...stun.Setter) (*stun.Message, error) {
	for range 3 {
		a.mu.Lock()
		nonce := a.nonce
		a.mu.Unlock()
		setters := append([]stun.Setter{stun.TransactionID, stun.NewType(method, stun.ClassRequest)}, attributes...)
		if len(nonce) > 0 {
			setters = append(setters, stun.NewUsername(a.user), stun.NewRealm(relay.Realm), nonce, a.key)
		}
		m, err := stun.Build(setters...)
		if err != nil {
			return nil, err
		}
		answer, err := a.exchange(m)
		if err != nil {
			return nil, fmt.Errorf("%v: %w", method, err)
		}
		if answer.Type.Class == stun.ClassSuccessResponse {
			return answer, nil
		}
		var code stun.ErrorCodeAttribute
		_ = code.GetFrom(answer)
		challenged := code.Code == stun.CodeUnauthorized && len(nonce) == 0 || code.Code == stun.CodeStaleNonce
		if err := nonce.GetFrom(answer); !challenged || err != nil {
			return nil, &refusedError{method, code.Code}
		}
		a.mu.Lock()
		a.nonce = nonce
		a.mu.Unlock()
	}
	return nil, errors.New("the relay wants one nonce after the other")
}

var errSilent = errors.New("no answer")

func (a *allocation) exchange(m *stun.Message) (*stun.Message, error) {
	answers := make(chan *stun.Message, 1)
	a.mu.Lock()
	a.waiting[m.TransactionID] = answers
	a.mu.Unlock()
	defer func() {
		a.mu.Lock()
		delete(a.waiting, m.TransactionID)
		a.mu.Unlock()
	}()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for try := range tries {
		if _, err := a.conn.Write(m.Raw); errors.Is(err, net.ErrClosed) {
			return nil, err
		}
		timer.Reset(firstWait << try)
		select {
		case answer := <-answers:
			return answer, nil
		case <-timer.C:
		}
	}
	return nil, errSilent
}

// take takes what has come: media, or an answer of the relay's.
func (a *allocation) take(p []byte, receive func([]byte)) {
	if len(p) > channelHead && binary.BigEndian.Uint16(p) == channel {
		if length := int(binary.BigEndian.Uint16(p[2:])); channelHead+length <= len(p) {
			receive(p[channelHead : channelHead+length])
		}
		return
	}
	answer := &stun.Message{Raw: slices.Clone(p)}
	if answer.Decode() != nil {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if waiting := a.waiting[answer.TransactionID]; waiting != nil && (answer.Type.Class == stun.ClassErrorResponse || a.key.Check(answer) == nil) {
		waiting <- answer
		delete(a.waiting, answer.TransactionID)
	}
}

// frame is room for a payload that goes to the peer.
func frame(payload int) []byte {
	b := make([]byte, channelHead+payload)
	binary.BigEndian.PutUint16(b, channel)
	binary.BigEndian.PutUint16(b[2:], uint16(payload))
	return b
}

// peerAddress is the attribute XOR-PEER-ADDRESS.
type peerAddress netip.AddrPort

// AddTo implements stun.Setter.
func (p peerAddress) AddTo(m *stun.Message) error {
	at := net.UDPAddrFromAddrPort(netip.AddrPort(p))
	return stun.XORMappedAddress{IP: at.IP, Port: at.Port}.AddToAs(m, stun.AttrXORPeerAddress)
}
