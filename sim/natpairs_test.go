package sim_test

import (
	"fmt"
	"slices"
	"strings"

	"github.com/proxyspec/proxyspec/sim/nat"
)

// natKind is a kind of NAT as RFC 4787 tells them apart.
type natKind struct{ mapping, filtering nat.Behavior }

var natKinds = func() (kinds []natKind) {
	all := []nat.Behavior{nat.EndpointIndependent, nat.AddressDependent, nat.AddressAndPortDependent}
	for _, m := range all {
		for _, f := range all {
			kinds = append(kinds, natKind{m, f})
		}
	}
	return kinds
}()

// String is short enough for a table: "EI/AD" maps endpoint-independently and filters by address.
func (k natKind) String() string {
	short := [...]string{"EI", "AD", "AP"}
	return short[k.mapping] + "/" + short[k.filtering]
}

// theory tells whether two ends behind NATs of these kinds can find a direct path with ICE (RFC 8445). It is
// a model of its own, of sets and names, that shares nothing with the NAT and the agents that it judges.
//
// Each end has the socket of its server-reflexive candidate and that of its host candidate. It sends a
// check from both to every address of the other that it knows; at first that is the one that the STUN
// server saw. Whoever gets a check knows where it came from. A check succeeds if it passes the filter and
// its answer comes back from where it was sent to.
func theory(a, b natKind) bool {
	m := &model{kinds: [2]natKind{a, b}, sent: map[outer][]outer{}}
	for side := range 2 {
		seen := m.send(side, 0, outer{side: stunServer})
		m.known[1-side] = append(m.known[1-side], seen)
	}
	for range 5 { // each round may teach a new address; two symmetric NATs would go on for ever
		for side := range 2 {
			for socket := range 2 {
				for _, to := range slices.Clone(m.known[side]) {
					if m.check(side, socket, to) {
						return true
					}
				}
			}
		}
	}
	return false
}

const stunServer = 2

// outer is an address and port outside a NAT: which socket it stands for, and to whom if that matters.
type outer struct {
	side, socket int
	remote       string
}

type model struct {
	kinds [2]natKind
	sent  map[outer][]outer // to whom each has sent
	known [2][]outer        // what each side knows of the other
}

// send is a packet on its way out; it comes from the result.
func (m *model) send(side, socket int, to outer) outer {
	from := outer{side: side, socket: socket}
	switch m.kinds[side].mapping {
	case nat.AddressDependent:
		from.remote = fmt.Sprint(to.side)
	case nat.AddressAndPortDependent:
		from.remote = fmt.Sprint(to)
	}
	if !slices.Contains(m.sent[from], to) {
		m.sent[from] = append(m.sent[from], to)
	}
	return from
}

// admitted tells whether a packet gets in.
func (m *model) admitted(from, to outer) bool {
	if m.sent[to] == nil {
		return false
	}
	switch m.kinds[to.side].filtering {
	case nat.AddressDependent:
		return slices.ContainsFunc(m.sent[to], func(o outer) bool { return o.side == from.side })
	case nat.AddressAndPortDependent:
		return slices.Contains(m.sent[to], from)
	}
	return true
}

func (m *model) check(side, socket int, to outer) bool {
	from := m.send(side, socket, to)
	if !m.admitted(from, to) {
		return false
	}
	if other := to.side; !slices.Contains(m.known[other], from) {
		m.known[other] = append(m.known[other], from)
	}
	answer := m.send(to.side, to.socket, from)
	return answer == to && m.admitted(answer, from)
}

// natTable says of every pair whether it connects directly, in Markdown.
func natTable(direct func(a, b natKind) bool) string {
	var out strings.Builder
	out.WriteString("| |")
	for _, k := range natKinds {
		fmt.Fprintf(&out, " %v |", k)
	}
	out.WriteString("\n|---|" + strings.Repeat("---|", len(natKinds)) + "\n")
	for _, a := range natKinds {
		fmt.Fprintf(&out, "| **%v** |", a)
		for _, b := range natKinds {
			if direct(a, b) {
				out.WriteString(" direct |")
			} else {
				out.WriteString(" relay |")
			}
		}
		out.WriteString("\n")
	}
	return out.String()
}
