package check_test

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/proxyspec/proxyspec/relay/check"
)

// faults are rules that a broken server breaks, and the numbers of the requirements that are about each.
var faults = map[string]string{
	"offers algorithms that its nonces don't tell of": "01", "tells of algorithms and offers none": "01",
	"gives nonces of 763 bytes": "01", "gives reasons of 300 characters": "01", "pads with what isn't zero": "01",
	"has attributes that nobody assigned": "08", "signs no 440": "05", "signs no 508": "05",
	"deletes all of a user's allocations": "20", "refreshes for a second at the second time": "19",
	"forgets permissions at a Refresh": "24", "forgets channels at a Refresh": "28", "permits, and answers 400": "28",
	"answers a Send without a permission": "25", "permits whom a Send is for": "25", "has one channel to the client": "28",
	"dies of malformed attributes": "07", "dies of long messages": "07",
	"forgets permissions, and answers 438": "04", "forgets permissions, and answers 420": "08", "forgets permissions, and answers 437": "11",
	"forgets permissions, and answers 403": "22", "forgets permissions, and answers 443": "20", "forgets permissions at a ChannelBind": "28",
	"gives another user a 5-tuple": "11", "knows transactions by their ID alone": "11",
	"names no realm": "01", "gives all the same nonce": "01", "trusts a Refresh without credentials": "01",
	"takes every password": "02", "compares half of MESSAGE-INTEGRITY": "02", "answers 400 to unknown users": "02",
	"deletes for a wrong password": "02",
	"takes the realm for granted":  "03",
	"takes every nonce":            "04", "gives a 438 a stale nonce": "04", "gives a 438 the nonce that it refuses": "04",
	"answers 401 instead of 438": "04", "keeps nonces for ever": "04",
	"signs no errors": "05", "signs no success but Allocate's": "05", "signs with the password": "05",
	"reads what stands behind MESSAGE-INTEGRITY": "06",
	"looks at no first bits":                     "07", "looks at no magic cookie": "07", "reads a message that is shorter than its datagram": "07",
	"answers 400 to unknown methods": "07", "answers indications": "07", "makes FINGERPRINT before it is complete": "07", "uses FINGERPRINT and checks none": "06 07",
	"420 before 401": "08", "lists one unknown attribute": "08", "refuses optional attributes": "08",
	"overlooks what it must understand": "08",
	"answers 400 instead of 437":        "09", "sends for whoever has no allocation": "09 20",
	"answers 401 instead of 441": "10", "lets another user refresh": "10", "deletes, and answers 441": "10", "permits, and answers 441": "10",
	"allocates anew on a second Allocate": "11", "takes a repetition for another request": "11",
	"answers 400 instead of 442": "12", "takes UDP for granted": "12",
	"grants DONT-FRAGMENT and drops it": "13",
	"overlooks RESERVATION-TOKEN":       "14", "takes every token": "14", "takes a token twice": "14",
	"overlooks EVEN-PORT": "15", "reserves any port": "15", "forgets what is reserved": "15",
	"gives IPv4 to all": "16", "overlooks ADDITIONAL-ADDRESS-FAMILY": "16", "answers 508 instead of 440": "16",
	"tells all the same mapped address": "18", "tells another port for the mapped one": "18", "tells the mapped address in the clear": "18",
	"tells another relayed address than its own": "18", "sends from any port": "18",
	"grants what is asked for": "19", "never ends an allocation": "19", "says a lifetime that isn't so": "19",
	"keeps an allocation after Refresh 0": "20", "keeps permissions for the next allocation": "20", "deletes, and answers 443": "20",
	"permits good peers among bad ones": "21", "permits the first of several peers": "21",
	"binds channels to forbidden peers": "22", "forbids nobody": "22",
	"answers 400 instead of 443":        "23",
	"permits the port, not the address": "24", "permits the network of a peer": "24", "shares permissions among allocations": "24",
	"permits for 10 minutes": "24", "a Send refreshes its permission": "24", "a peer's packet refreshes its permission": "24",
	"refreshes permissions with the allocation": "24",
	"sends without a permission":                "25", "sends no empty packets": "25", "sends what has no DATA": "25",
	"drops the first packet after a permission": "25",
	"lets in without a permission":              "26", "cuts at 1500 bytes": "26", "swaps what two clients hear": "26", "has no channels to the client": "26",
	"sends a whole address by channel": "26", "tells a peer's address only": "26", "hears no empty packets": "26",
	"has channels up to 0x7FFF": "27", "permits the peer of a refused channel": "27",
	"binds a channel to another peer": "28", "gives a peer two channels": "28", "binds, and answers 400": "28", "binds without a permission": "28",
	"shares channels among allocations": "28", "never ends a channel": "28",
	"binding again refreshes nothing":   "28",
	"relays channels that aren't bound": "29", "believes ChannelData's length": "29", "relays the padding": "29", "pads nothing": "29",
	"appends to ChannelData":        "29",
	"takes a segment for a message": "30",
	"forgets older permissions":     "24", "cuts what it sends at 1500 bytes": "25", "sends twice": "25",
	"keeps channels for the next allocation": "20", "allocates, and answers 442": "12", "allocates, and answers 420": "08",
	"permits, and answers 401": "02", "permits, and answers 438": "04",
	"tries every user's key": "02", "signs no 403": "05", "signs no 443": "05", "signs a 441 with the owner's key": "05",
	"reads a message that is longer than its datagram": "07", "takes a length that is no multiple of 4": "07", "answers answers": "07",
	"holds a reservation for 10 s": "15", "answers 508 over the quota": "17", "one quota for all users": "17", "has no quota": "17",
	"tells no lifetime": "18", "refreshes for 600 s at most": "19", "permits for 4 minutes": "24", "sends to the permitted port": "24",
	"finds an allocation by its user": "09", "never shortens a lifetime": "19", "answers its peers' Bindings": "26",
	"swallows its peers' ChannelData": "26", "swallows STUN for peers": "25", "answers all as Allocate": "05", "signs before it is complete": "05",
	"lets every client of a peer hear": "26", "binds for 5 minutes": "28",
	"compares as much of MESSAGE-INTEGRITY as there is": "02", "compares as much of MESSAGE-INTEGRITY-SHA256 as there is": "02",
	"believes any offer": "03", "takes every password algorithm for MD5": "03", "overlooks what of the offer is missing": "03",
	"looks at the length of a nonce": "04", "gives all Data indications one transaction ID": "26",
	"refuses every Allocate": "02 03 08 09 10 11 12 13 14 15 16 17 18 19", "refuses every Refresh": "04 06 08 10 19 20",
	"refuses every CreatePermission": "21 22 23", "refuses every ChannelBind": "22 23 27 28",
	"answers 401 to who names no user": "03", "answers 401 to who has no nonce": "03", "offers MD5 and refuses it": "03",
	"takes each nonce but the first for a stale one": "04", "answers 420 without a list": "08",
	"wants padding of zeros": "07", "drops what has FINGERPRINT": "06 07", "drops what has no FINGERPRINT": "07",
	"dies of what isn't a message": "07",
	"grants 300 s":                 "19", "ends an allocation early": "19", "refreshes for a third of what it says": "19",
	"takes no LIFETIME for 0": "20", "takes Refresh 0 again and again": "20", "refuses a Refresh of any family": "20",
	"looks at the first byte of a transport": "12", "reserves what nobody asked for": "15",
	"tells no relayed address": "18", "tells no mapped address": "18",
	"takes malformed peers": "21", "unmaps peers": "22", "permits nobody": "21", "refuses a peer that stands twice": "21",
	"binds a channel of its choice": "27", "binds a channel to nobody": "27", "has channels of any number": "27", "binds a channel once": "28",
	"never ends a channel to the client": "28", "takes a channel for a permission": "28",
	"answers Sends": "25", "drops every Send": "08 13 23", "drops a Send with optional attributes": "08",
	"answers ChannelData that isn't in order": "09 29", "drops ChannelData": "29", "drops empty ChannelData": "29",
	"signs a 401": "01", "answers Binding without an address": "01",
	"answers 486 where no port is left": "17", "never has a port again": "17", "hears nothing on streams": "30",
	"keeps an allocation after its stream": "30", "reads short messages of a stream only": "30", "drops half messages of a stream": "30",
}

// TestBrokenServersFail has each broken server fail a row of each requirement that it doesn't meet, and each row fail one of
// the servers that don't meet its requirement: else nobody knows whether it can.
func TestBrokenServersFail(t *testing.T) {
	var mu sync.Mutex
	caught, shown := map[string]bool{}, map[string]bool{}
	var running sync.WaitGroup
	room := make(chan struct{}, 100) // which mostly wait
	for fault, requirements := range faults {
		for _, row := range check.Rows() {
			requirement := strings.TrimPrefix(row.Requirement, "CP-RLY-")
			if !slices.Contains(strings.Fields(requirements), requirement) {
				continue
			}
			room <- struct{}{}
			running.Go(func() {
				defer func() { <-room }()
				if fails(t, fault, row) {
					mu.Lock()
					defer mu.Unlock()
					caught[fault+requirement], shown[row.ID] = true, true
				}
			})
		}
	}
	running.Wait()
	for fault, requirements := range faults {
		for _, requirement := range strings.Fields(requirements) {
			assert.True(t, caught[fault+requirement], "a server that %s passes every row of CP-RLY-%s", fault, requirement)
		}
	}
	for _, row := range check.Rows() {
		assert.True(t, shown[row.ID], "no broken server fails %s: %s", row.ID, row.Expects)
	}
}

// fails says whether a broken server fails a row, over UDP or over TCP.
func fails(t *testing.T, fault string, row check.Row) bool {
	for _, network := range []string{"udp", "tcp"} {
		s := startSound(t, fault)
		to := s.target(t, network)
		to.Quiet, to.Sleep, to.Exhaust = 150*time.Millisecond, s.sleep, s.exhaust
		to.Lossy = true // for a second attempt mustn't save it
		if row.Requirement == "CP-RLY-17" {
			to.Quota = 10
		}
		if row.Fits(to) && row.Run(to).Outcome == check.Fail {
			return true
		}
	}
	return false
}
