package world

import (
	"fmt"
	"net/netip"

	"github.com/proxyspec/proxyspec/conformance/contract"
	"github.com/proxyspec/proxyspec/conformance/timeline"
	"github.com/proxyspec/proxyspec/fakes/selfhosted"
)

// The names of the servers that the company runs itself, and what an SDK must know to use them.
const (
	ProxyName = "proxy.example.test"
	TURNName  = "turn.example.test"

	turnUser, turnPassword = "alice", "wonderland"
	turnPort               = 3478
)

// TurnServer is the company's TURN server as setTurnServer takes it.
func TurnServer(force bool) contract.TurnServer {
	return contract.TurnServer{
		TurnServerURL: TURNName, Username: turnUser, Password: turnPassword,
		UDPPort: fmt.Sprint(turnPort), TCPPort: fmt.Sprint(turnPort), ForceTurn: force,
	}
}

func (w *World) startCompany() error {
	trust, err := w.trust()
	if err != nil {
		return err
	}
	if err := w.start(CompanyProxy.Name, &selfhosted.ReverseProxy{
		Name: CompanyProxy.Name, Net: w.hosts[CompanyProxy.Name], Addr: netip.AddrPortFrom(CompanyProxy.Addr, 443),
		TLS: trust.Servers.Clone(), Upstream: trust.Clients, Log: w.logCompany,
	}); err != nil {
		return err
	}
	return w.start(CompanyTURN.Name, &selfhosted.TURNServer{
		Name: CompanyTURN.Name, Net: w.hosts[CompanyTURN.Name], Addr: netip.AddrPortFrom(CompanyTURN.Addr, turnPort),
		User: turnUser, Password: turnPassword, Log: w.logCompany,
	})
}

// logCompany takes the log of the company's own servers into the timeline.
func (w *World) logCompany(e selfhosted.Event) {
	detail := e.Detail
	if e.Peer != "" {
		detail = fmt.Sprintf("to %s %s", e.Peer, detail)
	}
	w.record(timeline.Event{
		Kind: timeline.KindServer, Actor: e.Server, Name: e.Name, Proto: e.Proto, From: e.From, To: e.To, User: e.User,
		Length: e.Up.Bytes + e.Down.Bytes, Count: e.Up.Packets + e.Down.Packets, Detail: detail,
	})
}
