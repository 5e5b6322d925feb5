package check_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/relay/check"
)

func TestRowsAreComplete(t *testing.T) {
	ids, requirements := map[string]bool{}, map[string]int{}
	for _, r := range check.Rows() {
		require.False(t, ids[r.ID], "%s twice", r.ID)
		ids[r.ID] = true
		requirements[r.Requirement]++
		require.NotEmpty(t, r.Sends)
		require.NotEmpty(t, r.Expects)
		require.NotEmpty(t, r.Section)
	}
	for n := 1; n <= 30; n++ {
		require.GreaterOrEqual(t, requirements[fmt.Sprintf("CP-RLY-%02d", n)], 3, "CP-RLY-%02d", n)
	}
	require.GreaterOrEqual(t, len(ids), 150)
	t.Log(len(ids), "rows:", requirements)
}
