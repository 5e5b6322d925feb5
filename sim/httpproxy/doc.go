// Package httpproxy is a forward proxy to put on a host: clients ask it with CONNECT (RFC 9110, section
// 9.3.6) for a TCP connection to a host and port, and it lets through what its list allows. Use it where a
// network's only way out is such a proxy.
//
// It takes its sockets from pion's transport.Net, so that it runs on a simulated host as on any other. It
// looks at no byte of what it carries, and knows no method but CONNECT. Every connection is bounded: in
// the time for its request, in the time without a byte, and in number.
package httpproxy
