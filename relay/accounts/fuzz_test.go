package accounts_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/relay"
	"github.com/proxyspec/proxyspec/relay/accounts"
)

// FuzzParse reads anything at all: every mistake has its place, and what passes is whole.
func FuzzParse(f *testing.F) {
	f.Add(two)
	f.Add("accounts:\n  - {app-id: x, regions: [EU], scale: 0, operators: [a], set: tset}\n")
	f.Add("accounts: [}\n")
	f.Add("accounts: &a [*a]\n")
	f.Add("? [a]\n: b")
	f.Fuzz(func(t *testing.T, source string) {
		list, err := accounts.Parse("a.yaml", []byte(source))
		if err == nil {
			_, err := relay.NewAccounts(list...)
			require.NoError(t, err)
			return
		}
		require.True(t, strings.HasPrefix(err.Error(), "a.yaml:"), "%v", err)
	})
}
