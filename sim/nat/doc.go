// Package nat is a network address translator as a pure table: packets and the time go in, translated
// packets or the reason for a drop come out. No lock, no clock, no goroutine, no chance.
//
// It follows RFC 4787 for UDP, RFC 5382 for TCP and RFC 5508 for ICMP: echoes, whose identifier is their port, and
// errors. It translates IPv4 alone: IPv6 passes a NAT as it is, and IPv4 of another protocol ends there. Mapping and filtering are each endpoint-independent,
// address-dependent or address-and-port-dependent; the zero Config is the NAT that RFC 4787 asks for.
// It never gives one port to two inside endpoints of one protocol (REQ-3), keeps an inside host on one
// outside address (REQ-2), and loops packets for its own outside address back inside (REQ-9). Running out
// of ports drops the packet and says so.
package nat
