// Package serve runs a cloud proxy on the sockets of this machine, as an operator wants it: from a YAML file, with
// metrics, health, a log, reloading and an orderly end.
//
//	cfg, err := serve.Read("cloud-proxy.yaml", source, refuse)
//	server, err := serve.New(cfg)
//	err = server.Run(ctx)  // until Drain has come to its end, or ctx has
//
// Demo is a configuration for trying it out on loopback, with a certificate of its own and a gateway that echoes.
//
// The package decides nothing about lookups, messages and media: relay does. It logs relay's events, which hold no
// secret and no content, and counts them; what media carries is counted by the relay itself and read when somebody
// asks, so that metrics cost a packet nothing.
package serve
