package turn

import (
	"crypto/md5"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"time"

	"github.com/pion/stun/v3"
)

// Lifetimes of RFC 8656: sections 7.2 (also 3.2), 9 and 12.
const (
	DefaultLifetime    = 600 * time.Second
	PermissionLifetime = 300 * time.Second
	ChannelLifetime    = 600 * time.Second
	// ReservationLifetime is how long the port next to an even one waits: at least 30 s (section 7.2).
	ReservationLifetime = 30 * time.Second
)

// Config says how a Server decides. Fields without a default must be set.
type Config struct {
	// Realm is that of the credentials (RFC 8489, section 9.2).
	Realm string
	// Secret makes nonces: at least 16 bytes.
	Secret []byte
	// Software is the SOFTWARE attribute of answers. Default: none.
	Software string

	// Authenticate is the key of a user (see Key), or an error, which Denied tells. owner says that the client
	// has an allocation made with this name already: credentials that have expired since may go on serving it.
	Authenticate func(username string, c FiveTuple, owner bool) (key []byte, err error)
	// Permit says whether clients may reach a peer. It is asked when a permission or channel is made and again for
	// each packet to the peer. Default: nobody.
	Permit func(peer netip.Addr) bool

	// Quota is how many allocations of one username there may be. Default 0: no limit.
	Quota int
	// MaxAllocations is how many there may be in all. Default 0: no limit.
	MaxAllocations int
	// MaxPeers is how many permissions an allocation may have, and how many channels. Default 256.
	MaxPeers int
	// MaxLifetime is the longest that an allocation may live without a refresh. Default an hour.
	MaxLifetime time.Duration
	// MaxPayload is the longest packet of a peer's that is passed on; a longer one is dropped, and so its first
	// MaxPayload+1 bytes are enough to hand in. Default: what fits into a message.
	MaxPayload int
	// DontFragment says that whoever carries out ToPeer can send a datagram that no router may fragment.
	// Without it the attribute is unknown (RFC 8656, section 7.2).
	DontFragment bool

	// Rand makes reservation tokens.
	Rand io.Reader
}

// Server is a TURN server without its sockets. It is for one goroutine at a time.
type Server struct {
	cfg Config

	allocations  map[FiveTuple]*Allocation
	opening      map[FiveTuple]*opening
	users        map[string]int // allocations, and those that are being opened
	reservations map[[8]byte]*reservation
	deadlines    deadlines
	made         uint64 // allocations, ever
	ordered      uint64 // deadlines, ever
	totals       Totals

	in message // the one that is being handled
}

// New checks the configuration. An error names the field that is wrong.
func New(cfg Config) (*Server, error) {
	switch {
	case cfg.Realm == "":
		return nil, errors.New("turn: Config.Realm is empty")
	case len(cfg.Secret) < 16:
		return nil, fmt.Errorf("turn: Config.Secret has %d bytes: give at least 16 random ones", len(cfg.Secret))
	case cfg.Authenticate == nil:
		return nil, errors.New("turn: Config.Authenticate is nil: nobody could allocate")
	case cfg.Rand == nil:
		return nil, errors.New("turn: Config.Rand is nil: reservation tokens need it")
	}
	if cfg.Permit == nil {
		cfg.Permit = Peers{}.Allow
	}
	if cfg.MaxPeers == 0 {
		cfg.MaxPeers = 256
	}
	if cfg.MaxPayload == 0 {
		cfg.MaxPayload = 0xFFFF
	}
	if cfg.MaxLifetime == 0 {
		cfg.MaxLifetime = time.Hour
	}
	return &Server{
		cfg:          cfg,
		allocations:  make(map[FiveTuple]*Allocation),
		opening:      make(map[FiveTuple]*opening),
		users:        make(map[string]int),
		reservations: make(map[[8]byte]*reservation),
	}, nil
}

// Key is the key of a user's long-term credential (RFC 8489, section 9.2.2), for Config.Authenticate.
func Key(username, realm, password string) []byte {
	sum := md5.Sum([]byte(username + ":" + realm + ":" + password))
	return sum[:]
}

// Len is how many allocations there are.
func (s *Server) Len() int { return len(s.allocations) }

// FromClient handles one datagram of a client's, or one frame of its stream.
func (s *Server) FromClient(out *Output, now time.Time, c Client, raw []byte) {
	if len(raw) > 0 && raw[0]>>6 == 1 {
		s.channelData(out, now, c, raw)
		return
	}
	m := &s.in
	if !m.read(raw) {
		return
	}
	switch m.kind.Class {
	case stun.ClassIndication:
		if m.kind.Method == stun.MethodSend {
			s.send(out, now, c, m)
		}
	case stun.ClassRequest:
		switch m.kind.Method {
		case stun.MethodBinding:
			s.binding(out, c, m)
		case stun.MethodAllocate, stun.MethodRefresh, stun.MethodCreatePermission, stun.MethodChannelBind:
			s.request(out, now, c, m)
		}
	}
	// Whatever else there is has no method that the server knows, or not in this class: silence
	// (RFC 8489, section 6.3).
}

// binding answers whoever asks for its own address (RFC 8489, section 12): a TURN server may.
func (s *Server) binding(out *Output, c Client, m *message) {
	q := request{out: out, client: c, message: m}
	if kinds := m.unknown(s.cfg.DontFragment); len(kinds) > 0 {
		s.refuseUnknown(&q, kinds)
		return
	}
	r := out.reply(m.kind.Method, stun.ClassSuccessResponse, m.transaction())
	r.addXOR(stun.AttrXORMappedAddress, c.Client)
	s.finish(&q, r)
}

// Gone ends what a client's connection carried: it was closed, or it broke.
func (s *Server) Gone(out *Output, c FiveTuple) {
	if a := s.allocations[c]; a != nil {
		s.delete(out, a)
	}
}

// Lost ends the allocation of a socket that broke.
func (s *Server) Lost(out *Output, socket *Socket) {
	if socket.allocation != nil {
		s.delete(out, socket.allocation)
	}
}

// Stop ends every allocation and reservation. What is still to be opened is closed when Opened tells of it.
func (s *Server) Stop(out *Output) {
	for len(s.deadlines) > 0 {
		s.expire(out, s.deadlines[0])
	}
	for client, o := range s.opening {
		s.release(o.username)
		delete(s.opening, client)
	}
}

// finish ends an answer as its request was made: integrity where there is a key, FINGERPRINT if it had one.
func (s *Server) finish(q *request, r reply) []byte {
	if s.cfg.Software != "" {
		r.addText(stun.AttrSoftware, s.cfg.Software)
	}
	if q.key != nil {
		r.sign(q.message.integrity.kind, q.key)
	}
	if q.message.fingerprint {
		r.addFingerprint()
	}
	b := r.done()
	q.out.add(Action{Kind: ToClient, Client: q.client, Payload: b})
	return b
}
