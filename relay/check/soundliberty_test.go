package check_test

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

// liberties are what a sound server may do or leave, in sets that go together: each is on in one and off in the others.
var liberties = [][]string{
	{},
	{
		"a nonce for each request", "another order of attributes", "no reasons", "no Binding", "knows no SHA-256",
		"508 to EVEN-PORT and RESERVATION-TOKEN", "ChannelData padded over UDP", "no DONT-FRAGMENT", "closes a stream that isn't sound",
		"closes a stream without an allocation",
	},
	{
		"nonces of 127 characters", "reasons in Japanese", "reserved bits in error codes", "SOFTWARE and unknown optional attributes", "FINGERPRINT everywhere",
		"signs as it was asked", "420 to EVEN-PORT and RESERVATION-TOKEN", "a maximum lifetime of 600 s", "relays at another address",
	},
	{
		"nonces with a cookie, and password algorithms", "a realm in Greek with spaces", "knows no FINGERPRINT",
		"Binding for known users only", "IPv6, too", "a maximum lifetime of 30 h", "refuses channels to ports below 1024",
		"answers 400 to attributes beyond their message", "streams byte by byte",
	},
	{
		"a nonce for two requests", "keeps ports for a second", "answers that share a segment", "answers that the network doubles",
		"refuses addresses for documentation before it looks at their family",
	},
	{"a round trip of 400 ms"},
	{"10 allocations a user"},
	{"ignores every 25th challenge"},
}

func TestSoundServersPassEveryRow(t *testing.T) {
	var running sync.WaitGroup
	for _, set := range liberties {
		for _, network := range []string{"udp", "tcp"} {
			running.Go(func() {
				s := startSound(t, set...)
				to := s.target(t, network)
				to.Quiet, to.Answer = 20*time.Millisecond, 5*time.Second // on a busy machine, too
				atOnce := 8
				switch {
				case s.is("a round trip of 400 ms"):
					atOnce, to.Lossy = 50, true // an answer may miss its time where all wait for the processor
				case s.is("10 allocations a user"):
					atOnce, to.Quota = 1, 10
				case s.is("ignores every 25th challenge"):
					atOnce, to.Answer, to.Lossy = 1, 500*time.Millisecond, true
				default:
					to.Sleep = s.sleep
				}
				for _, r := range run(t, to, atOnce) {
					assert.Fail(t, r.String(), "%s: %s", network, strings.Join(set, ", "))
				}
			})
		}
	}
	running.Wait()
	for _, liberty := range slices.Concat(liberties...) {
		_, used := switched.Load(liberty)
		assert.True(t, used, "no server looked at %q", liberty)
	}
}
