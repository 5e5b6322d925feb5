package relay

import (
	"fmt"
	"io"
	"net/netip"
	"time"

	"github.com/pion/transport/v3"

	"github.com/proxyspec/proxyspec/relay/turn"
)

// media is what a relay decides about allocations (RFC 8656): whose they are, how long credentials serve
// them, which peers they may reach. It speaks no TURN: see turnServer.
type media struct {
	cloud *Cloud
	name  string
	net   transport.Net
	addr  netip.Addr // of relayed transport addresses
	peers turn.Peers
	doors *doors
}

func newMedia(c *Cloud, name string, n transport.Net, addr netip.Addr) *media {
	m := &media{cloud: c, name: name, net: n, addr: addr, peers: turn.Peers{Open: c.cfg.Peers}, doors: c.doors(name, PurposeMedia)}
	for _, site := range c.cfg.Relays {
		m.peers.Own = append(m.peers.Own, site.Addr)
	}
	return m
}

// config is how relay/turn decides here.
func (m *media) config(secret []byte, random io.Reader) turn.Config {
	l := m.cloud.cfg.Limits
	return turn.Config{
		Realm: Realm, Secret: secret, Software: "proxyspec", Authenticate: m.key, Permit: m.peers.Allow, MaxPayload: largestPayload,
		Quota: limit(l.SessionAllocations), SourceQuota: limit(l.SourceAllocations), MaxAllocations: limit(l.Allocations),
		Rate: limit(l.SessionRate), StrangerRate: limit(l.Strangers), Rand: random,
	}
}

// credentialError is why a TURN user can do nothing.
type credentialError struct {
	session, code, detail string
}

func (e *credentialError) Error() string { return e.detail }

// key is that of a TURN user, if the user may do anything at all. Credentials that have expired still serve
// the allocations that were made with them.
func (m *media) key(username string, _ turn.FiveTuple, owner bool) ([]byte, error) {
	s, ok := openTURNUsername(username)
	if !ok {
		return nil, &credentialError{code: CodeCredentialsInvalid, detail: "the username is not one of ours"}
	}
	if s.expired(time.Now()) && !owner {
		return nil, &credentialError{
			session: s.Name, code: CodeCredentialsExpired,
			detail: "they expired at " + time.Unix(s.Expires, 0).UTC().Format(time.RFC3339),
		}
	}
	return turn.Key(username, Realm, turnCredential(m.cloud.cfg.Secret, username)), nil
}

// log tells of an action what the log is to know of it.
func (m *media) log(a *turn.Action) {
	switch a.Kind {
	case turn.ToPeer:
		if a.Up.Packets == 1 {
			e := m.event(EventMediaUp, a)
			e.Peer, e.Bytes = a.Peer, a.Size
			m.cloud.cfg.Log(e)
		}
	case turn.ToClient:
		if a.Data && a.Down.Packets == 1 {
			e := m.event(EventMediaDown, a)
			e.Peer, e.Bytes = a.Peer, a.Size
			m.cloud.cfg.Log(e)
		}
	case turn.Created:
		m.cloud.cfg.Log(m.event(EventAllocationCreated, a))
	case turn.Deleted:
		e := m.event(EventAllocationDeleted, a)
		e.Books = &Books{Up: ledger(a.Books.Up), Down: ledger(a.Books.Down)}
		m.cloud.cfg.Log(e)
	case turn.PeerRefused:
		e := m.event(EventPermissionRefused, a)
		e.Peer, e.Code, e.Detail = netip.AddrPortFrom(a.Peer.Addr(), 0), CodePeer, "the peer is not SD-RTN"
		if a.Err != nil {
			e.Code, e.Detail = CodeQuota, a.Err.Error()
		}
		m.cloud.cfg.Log(e)
	case turn.OverQuota:
		e := m.event(EventAllocationRefused, a)
		e.Code, e.Detail = CodeQuota, fmt.Sprint(a.Err)
		m.cloud.cfg.Log(e)
	case turn.NoCapacity:
		e := m.event(EventAllocationRefused, a)
		e.Code, e.Detail = CodeCapacity, fmt.Sprint(a.Err)
		switch a.Err {
		case turn.ErrDraining:
			e.Code = CodeStopping
		case turn.ErrReservation:
			e.Code = CodeReservation
		}
		m.cloud.cfg.Log(e)
	case turn.Denied:
		e := m.event(EventAllocationRefused, a)
		e.Code, e.Detail = CodeCredentialsInvalid, a.Method+" with a wrong credential"
		if why, ok := a.Err.(*credentialError); ok {
			e.Session, e.Code, e.Detail = why.session, why.code, why.detail
		}
		m.cloud.cfg.Log(e)
	}
}

// event is one about the client of an action, and its allocation if there is one.
func (m *media) event(name string, a *turn.Action) Event {
	s, _ := openTURNUsername(a.Username)
	e := Event{
		Name: name, Node: m.name, Purpose: PurposeMedia, Proto: proto(a.Client), From: a.Client.Client, To: a.Client.Server, Session: s.Name,
		Up: traffic(a.Up), Down: traffic(a.Down),
	}
	if a.Allocation != nil {
		e.Relayed = a.Allocation.Relayed
		s, _ = openTURNUsername(a.Allocation.Username)
		e.Session = s.Name
	}
	return e
}

func traffic(t turn.Traffic) Traffic { return Traffic{Count: int(t.Packets), Bytes: int(t.Bytes)} }

func ledger(l turn.Ledger) Ledger {
	return Ledger{In: traffic(l.In), Out: traffic(l.Out), Dropped: traffic(l.Dropped)}
}

func proto(c turn.Client) string {
	if c.Stream {
		return "TCP"
	}
	return "UDP"
}
