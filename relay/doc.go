// Package relay is the cloud proxy: a real server, whose edges answer lookups and whose relays carry
// messages and media between clients and SD-RTN.
//
// A Cloud is what all edges and relays of one cloud proxy share; each Edge and Relay has a
// transport.Net of its own and runs while its Serve does:
//
//	cloud, err := relay.New(relay.Config{...})
//	edge := cloud.Edge("edge-1", host, netip.MustParseAddrPort("192.0.2.17:443"))
//	err = edge.Listen()       // clients may connect from here on
//	err = edge.Serve(ctx)     // until ctx ends
package relay
