package turn

import (
	"crypto/md5"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
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
	// Software is the SOFTWARE attribute of answers to authenticated requests. Default: none.
	Software string

	// Authenticate is the key of a user (see Key), or an error, which Denied tells. owner says that the client
	// has an allocation made with this name already: credentials that have expired since may go on serving it.
	Authenticate func(username string, c FiveTuple, owner bool) (key []byte, err error)
	// Permit says whether clients may reach a peer. It is asked when a permission or channel is made and again for
	// each packet to the peer. Default: nobody.
	Permit func(peer netip.Addr) bool

	// Quota is how many ports one username may hold: allocations, and reservations that wait for whoever has their
	// token. Default 0: no limit.
	Quota int
	// SourceQuota is likewise for one address of a client's, whoever its users are. Default 0: no limit.
	SourceQuota int
	// MaxAllocations is how many there may be in all. Default 0: no limit.
	MaxAllocations int
	// Rate is how many bytes of payload a username's allocations pass on in a second, each way; what comes on top is
	// dropped (RFC 8656, section 5). Default 0: no limit.
	Rate int
	// StrangerRate is how many requests in a second without a nonce of ours are answered to one address over UDP,
	// after a burst of 1,000. Default 0: all.
	StrangerRate int
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

	// Rand makes reservation tokens and transaction IDs.
	Rand io.Reader
}

// Server is a TURN server without its sockets. It is for one goroutine at a time.
type Server struct {
	cfg Config

	allocations  map[FiveTuple]*Allocation
	last         *Allocation // whose client has sent data last; nil: none
	opening      map[FiveTuple]*opening
	users        map[string]*user
	sources      map[netip.Addr]int // ports held, as user has them
	held         int                // ports in all
	strangers    strangers
	transactions *rand.ChaCha8
	reservations map[[8]byte]*reservation
	deadlines    deadlines
	made         uint64 // allocations, ever
	ordered      uint64 // deadlines, ever
	totals       Totals
	draining     bool

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
		return nil, errors.New("turn: Config.Rand is nil: reservation tokens and transaction IDs need it")
	}
	var seed [32]byte
	if _, err := io.ReadFull(cfg.Rand, seed[:]); err != nil {
		return nil, fmt.Errorf("turn: Config.Rand: %w", err)
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
		users:        make(map[string]*user),
		sources:      make(map[netip.Addr]int),
		transactions: rand.NewChaCha8(seed),
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
			if s.owes(now, c) {
				s.binding(out, c, m)
			}
		case stun.MethodAllocate, stun.MethodRefresh, stun.MethodCreatePermission, stun.MethodChannelBind:
			s.request(out, now, c, m)
		}
	}
	// Whatever else there is has no method that the server knows, or not in this class: silence
	// (RFC 8489, section 6.3).
}

// owes says whether a client is answered that may not be where it says.
func (s *Server) owes(now time.Time, c Client) bool {
	if c.Stream || s.strangers.answers(now, c.Client.Addr(), s.cfg.StrangerRate) {
		return true
	}
	s.totals.Unanswered++
	return false
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

// Drain refuses every new allocation from now on, with 508. Those that are there go on.
func (s *Server) Drain() { s.draining = true }

// Idle says that there is no allocation, none under way and no port that waits for one.
func (s *Server) Idle() bool { return s.held == 0 }

// Each calls a function with every allocation, in no order. It must not call the server.
func (s *Server) Each(f func(*Allocation)) {
	for _, a := range s.allocations {
		f(a)
	}
}

// Gone ends what a client's connection carried: it was closed, or it broke.
func (s *Server) Gone(out *Output, c FiveTuple) {
	if a := s.allocations[c]; a != nil {
		s.delete(out, a)
	}
	s.forget(c)
}

// forget gives up what is being opened; Opened closes it.
func (s *Server) forget(c FiveTuple) {
	if o := s.opening[c]; o != nil {
		s.releaseOpening(o)
		delete(s.opening, c)
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
	for client := range s.opening {
		s.forget(client)
	}
}

// finish ends an answer as its request was made: integrity where there is a key, FINGERPRINT if it had one.
func (s *Server) finish(q *request, r reply) []byte {
	if q.key != nil {
		if s.cfg.Software != "" { // not for strangers: their answers are short
			r.addText(stun.AttrSoftware, s.cfg.Software)
		}
		r.sign(q.message.integrity.kind, q.key)
	}
	if q.message.fingerprint {
		r.addFingerprint()
	}
	b := r.done()
	q.out.add(Action{Kind: ToClient, Client: q.client, Payload: b})
	return b
}
