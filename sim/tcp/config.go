package tcp

import "time"

// Config is what a connection begins with. The zero value works, but for ISS, which should differ
// between connections.
type Config struct {
	ISS           uint32        // initial sequence number
	MSS           int           // largest payload; default 1460, which fills an MTU of 1500 over IPv4
	ReceiveBuffer int           // bytes; default 1 MiB
	SendBuffer    int           // bytes; default none: Write takes everything
	KeepAlive     time.Duration // idle time before a probe; default none
}

const (
	defaultMSS           = 1460
	fallbackMSS          = 536 // RFC 9293, 3.7.1: for a peer that names none
	leastMSS             = 48  // Linux's TCP_MIN_SND_MSS: a peer that asks for less wants to see us work
	defaultReceiveBuffer = 1 << 20

	initialRTO = time.Second            // RFC 6298, 2.1
	lostSYNRTO = 3 * time.Second        // RFC 6298, 5.7
	minRTO     = 200 * time.Millisecond // Linux's; RFC 6298's second would hide what firewalls see
	maxRTO     = 120 * time.Second      // Linux's; RFC 6298, 2.5 asks for 60 s at least
	delayedACK = 40 * time.Millisecond  // Linux's; RFC 9293, 3.8.6.3 asks for less than half a second

	synRetries    = 6  // Linux's tcp_syn_retries: a silent peer is given up after 127 s
	dataRetries   = 15 // Linux's tcp_retries2: about 13 to 15 minutes
	orphanRetries = 8  // Linux's tcp_orphan_retries: once the application has closed
	keepProbes    = 9  // Linux's tcp_keepalive_probes
	keepGap       = 75 * time.Second

	timeWait   = 60 * time.Second // Linux's; RFC 9293 asks for two MSL
	finWait2   = 60 * time.Second // Linux's tcp_fin_timeout, once the application has closed
	initialWin = 10               // segments, RFC 6928

	// Challenges are acknowledgements that answer what may be forged: RFC 5961, 7 suggests these.
	mostChallenges  = 10
	challengePeriod = 5 * time.Second
)

func (c Config) withDefaults() Config {
	if c.MSS == 0 {
		c.MSS = defaultMSS
	}
	if c.ReceiveBuffer == 0 {
		c.ReceiveBuffer = defaultReceiveBuffer
	}
	return c
}
