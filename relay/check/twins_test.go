package check_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/relay/check"
)

// refuses says whether a row demands that the server refuses something or is silent; the other rows demand that it
// does something.
func refuses(r check.Row) bool {
	first, _, _ := strings.Cut(r.Expects, ",")
	if first == "401" && (r.Requirement == "CP-RLY-07" || r.Requirement == "CP-RLY-30") {
		return false // there it shows that the message was read
	}
	for _, sign := range []string{"silence", "nothing", "400", "401", "403", "420", "437", "438", "440", "441", "442", "443", "486", "508", "an error"} {
		if strings.HasPrefix(first, sign) {
			return true
		}
	}
	return false
}

// A server that refuses everything must fail each requirement, and so must one that refuses nothing. (The requirements
// about what an answer looks like have twins of their own kind.)
func TestRequirementsHaveTwins(t *testing.T) {
	kinds := map[string][2]int{}
	for _, r := range check.Rows() {
		k := kinds[r.Requirement]
		if refuses(r) {
			k[0]++
		} else {
			k[1]++
		}
		kinds[r.Requirement] = k
	}
	likeness := map[string]bool{"CP-RLY-05": true, "CP-RLY-13": true, "CP-RLY-15": true, "CP-RLY-18": true, "CP-RLY-30": true}
	for _, about := range check.Requirements {
		k := kinds[about.ID]
		require.NotZero(t, k[1], "%s has no row that demands that something works", about.ID)
		require.True(t, likeness[about.ID] || k[0] > 0, "%s has no row that demands a refusal or silence: %v", about.ID, k)
	}
}
