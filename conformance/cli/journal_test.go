package cli

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/conformance/result"
)

// TestJournalKeepsWhatItWasTold: what would make a failed case pass is found out while the journal may still be writing.
func TestJournalKeepsWhatItWasTold(t *testing.T) {
	j := newJournal(t.TempDir(), &result.Run{}, []result.Case{{ID: "a", Outcome: result.NotRun}})
	j.next = time.Now().Add(time.Hour)
	c := &result.Case{ID: "a", Outcome: result.Fail, Failure: &result.Failure{Message: "no media"}}
	j.ended(c)
	c.Failure.Variants = append(c.Failure.Variants, result.Variant{Change: "without the firewall"})
	require.Equal(t, "no media", j.cases[0].Failure.Message)
	require.Empty(t, j.cases[0].Failure.Variants)
	require.NoError(t, j.finish(&result.Run{}))
}
