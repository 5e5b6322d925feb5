package turn

import (
	"encoding/binary"
	"net/netip"
)

// Peers is a policy for Config.Permit: whom clients may reach. The zero value is nobody.
type Peers struct {
	// Open is who may be reached. An address that no relay should reach by accident (see special4), or one of
	// Own, is open only by a prefix that is about nothing else: 127.0.0.1/32 opens loopback, 0.0.0.0/0 doesn't.
	Open []netip.Prefix
	// Own is the server's own addresses.
	Own []netip.Addr
}

// special4 and special6 are the ranges behind which a relay finds what its operator didn't mean to share: the server itself,
// its network, everybody at once. RFC 6890 has them; the advisories CVE-2020-26262 and CVE-2026-27624 are about
// reaching them by another spelling.
var special4 = prefixes(
	"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
	"192.168.0.0/16", "198.18.0.0/15", "224.0.0.0/4", "240.0.0.0/4",
)

var special6 = prefixes(
	"::/128", "::1/128", "100::/64", "fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8",
)

func prefixes(texts ...string) (all []netip.Prefix) {
	for _, text := range texts {
		all = append(all, netip.MustParsePrefix(text))
	}
	return all
}

// Allow says whether a peer may be reached, under whatever spelling. It allocates nothing.
func (p Peers) Allow(peer netip.Addr) bool {
	peer = Canonical(peer)
	for _, open := range p.Open {
		if open.Contains(peer) && (open.IsSingleIP() || open.Bits() >= p.least(peer)) {
			return true
		}
	}
	return false
}

// least is how many bits a prefix must have that opens a peer.
func (p Peers) least(peer netip.Addr) (bits int) {
	special := special6
	if peer.Is4() {
		special = special4
	}
	for _, r := range special {
		if r.Contains(peer) {
			bits = r.Bits()
		}
	}
	for _, own := range p.Own {
		if Canonical(own) == peer {
			return peer.BitLen()
		}
	}
	return bits
}

var (
	nat64      = netip.MustParsePrefix("64:ff9b::/96")   // RFC 6052
	localNAT64 = netip.MustParsePrefix("64:ff9b:1::/48") // RFC 8215, with a /96 below it
	sixToFour  = netip.MustParsePrefix("2002::/16")      // RFC 3056
	teredo     = netip.MustParsePrefix("2001::/32")      // RFC 4380
	compatible = netip.MustParsePrefix("::/96")          // RFC 4291, section 2.5.5.1
)

// Canonical is the IPv4 address that an IPv6 address leads to, by any of the ways that have one in it, or the
// address itself.
func Canonical(a netip.Addr) netip.Addr {
	a = a.Unmap().WithZone("")
	if !a.Is6() {
		return a
	}
	b := a.As16()
	switch {
	case nat64.Contains(a), localNAT64.Contains(a):
		return netip.AddrFrom4([4]byte(b[12:]))
	case sixToFour.Contains(a):
		return netip.AddrFrom4([4]byte(b[2:6]))
	case teredo.Contains(a):
		return netip.AddrFrom4([4]byte{^b[12], ^b[13], ^b[14], ^b[15]})
	case compatible.Contains(a) && binary.BigEndian.Uint32(b[12:]) > 1: // not :: and ::1
		return netip.AddrFrom4([4]byte(b[12:]))
	}
	return a
}
