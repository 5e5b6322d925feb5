package relay_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/relay"
)

func TestAccountsRefuseIncompleteRecords(t *testing.T) {
	good := relay.Account{AppID: "app", Regions: []string{"EU"}, Scale: 2, Operators: []string{"Example Telecom"}}
	_, err := relay.NewAccounts(good)
	require.NoError(t, err)
	for what, spoil := range map[string]func(*relay.Account){
		"no App ID":        func(a *relay.Account) { a.AppID = "" },
		"region":           func(a *relay.Account) { a.Regions = nil },
		"region, none":     func(a *relay.Account) { a.Regions = []string{"EU", ""} },
		"scale 0":          func(a *relay.Account) { a.Scale = 0 },
		"scale -1":         func(a *relay.Account) { a.Scale = -1 },
		"network operator": func(a *relay.Account) { a.Operators = nil },
	} {
		a := good
		spoil(&a)
		_, err := relay.NewAccounts(a)
		require.ErrorContains(t, err, what)
	}
	_, err = relay.NewAccounts(good, good)
	require.ErrorContains(t, err, "twice")
}
