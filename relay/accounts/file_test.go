package accounts_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/relay"
	"github.com/proxyspec/proxyspec/relay/accounts"
)

const two = `# whom support has provisioned
accounts:
  - app-id: app-1
    regions: [EU, US]
    scale: 500
    operators: [Example Telecom]
    set: production
  - {app-id: "2", regions: [EU], scale: 1, operators: [a, b], set: test}
`

func TestParse(t *testing.T) {
	list, err := accounts.Parse("a.yaml", []byte(two))
	require.NoError(t, err)
	require.Equal(t, []relay.Account{
		{AppID: "app-1", Regions: []string{"EU", "US"}, Scale: 500, Operators: []string{"Example Telecom"}, Set: relay.ProductionSet},
		{AppID: "2", Regions: []string{"EU"}, Scale: 1, Operators: []string{"a", "b"}, Set: relay.TestSet},
	}, list)
}

func TestParseNamesEveryMistake(t *testing.T) {
	const rest = "regions: [EU], scale: 1, operators: [a], set: test}\n"
	for _, tc := range []struct{ what, source, wrong string }{
		{"empty", "", "a.yaml:1:1: the accounts file must be a map of fields, not nothing"},
		{"syntax", "accounts:\n  - {", "a.yaml:2:5: "},
		{"list", "accounts: 3\n", "a.yaml:1:11: accounts must be a list, not a number"},
		{"unknown", "acounts: []\n", "a.yaml:1:1: the accounts file has no field \"acounts\"; did you mean \"accounts\"?\n" +
			"a.yaml:1:1: the accounts file needs the field \"accounts\""},
		{"unknown in account", "accounts:\n  - {app-id: x, region: [EU], " + rest, `a.yaml:2:17: account "x" has no field "region"; did you mean "regions"?`},
		{"far", "accounts:\n  - {app-id: x, owner: me, " + rest,
			`a.yaml:2:17: account "x" has no field "owner"; known are app-id, operators, regions, scale, set`},
		{"number for text", "accounts:\n  - {app-id: 7, " + rest, `a.yaml:2:14: app-id must be text, not a number: write "7", in quotes, to mean the text`},
		{"missing", "accounts:\n  - {app-id: x}\n", `a.yaml:2:6: account "x" needs the field "regions"` + "\n" +
			`a.yaml:2:6: account "x" needs the field "scale"` + "\n" + `a.yaml:2:6: account "x" needs the field "operators"` + "\n" +
			`a.yaml:2:6: account "x" needs the field "set"`},
		{"scale", "accounts:\n  - {app-id: x, regions: [EU], scale: 0, operators: [a], set: tset}\n",
			"a.yaml:2:39: scale is 0, and must be a whole number from 1 to 2147483647\n" +
				`a.yaml:2:63: set is "tset", and must be test or production; did you mean "test"?`},
		{"fraction", "accounts:\n  - {app-id: x, regions: [EU], scale: 1.5, operators: [a], set: test}\n", "a.yaml:2:39: scale is 1.5, and must be"},
		{"words", "accounts:\n  - {app-id: x, regions: [EU], scale: many, operators: [a], set: test}\n", "a.yaml:2:39: scale must be a whole number, not text"},
		{"no region", "accounts:\n  - {app-id: x, regions: [], scale: 1, operators: [a], set: test}\n", "a.yaml:2:26: regions is empty: name at least one"},
		{"region twice", "accounts:\n  - {app-id: x, regions: [EU, EU], scale: 1, operators: [a, \" \"], set: test}\n",
			`a.yaml:2:31: "EU" stands here for the second time: keep one` + "\n" + "a.yaml:2:61: an operator is empty"},
		{"field twice", "accounts: []\naccounts: []\n", `a.yaml:2:1: mapping key "accounts" already defined at [1:1]`},
		{"account twice", "accounts:\n  - {app-id: x, " + rest + "  - {app-id: x, " + rest, `a.yaml:3:6: account "x" is on line 2 already: keep one`},
	} {
		t.Run(tc.what, func(t *testing.T) {
			_, err := accounts.Parse("a.yaml", []byte(tc.source))
			require.ErrorContains(t, err, tc.wrong)
		})
	}
}

func write(t *testing.T, path, text string, at time.Time) {
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	require.NoError(t, os.Chtimes(path, at, at))
}

// A file that broke is told of, and the accounts stay as they were.
func TestReload(t *testing.T) {
	path := filepath.Join(t.TempDir(), "accounts.yaml")
	_, err := accounts.Open(path)
	require.ErrorContains(t, err, "read the accounts: ")

	write(t, path, two, time.Unix(1, 0))
	f, err := accounts.Open(path)
	require.NoError(t, err)
	require.Equal(t, 2, f.Len())

	write(t, path, "accounts: [{app-id: app-3}]\n", time.Unix(2, 0))
	require.ErrorContains(t, f.Reload(), path+`:1:13: account "app-3" needs the field "regions"`)
	a, ok := f.Account("app-1")
	require.True(t, ok)
	require.Equal(t, 500, a.Scale)

	write(t, path, "accounts: []\n", time.Unix(3, 0))
	require.NoError(t, f.Reload())
	_, ok = f.Account("app-1")
	require.False(t, ok)
	require.Zero(t, f.Len())
}

func TestWatchTellsOfEachChangeOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "accounts.yaml")
	write(t, path, two, time.Unix(1, 0))
	synctest.Test(t, func(t *testing.T) {
		f, err := accounts.Open(path)
		require.NoError(t, err)
		ctx, stop := context.WithCancel(t.Context())
		told := make(chan error, 10)
		done := make(chan struct{})
		go func() {
			defer close(done)
			f.Watch(ctx, time.Second, func(err error) { told <- err })
		}()
		pass := func() {
			time.Sleep(3500 * time.Millisecond)
			synctest.Wait()
		}
		pass()
		require.Empty(t, told)

		write(t, path, "accounts: [}\n", time.Unix(2, 0))
		pass()
		require.Len(t, told, 1)
		require.Error(t, <-told)
		require.Equal(t, 2, f.Len())

		require.NoError(t, os.Remove(path))
		pass()
		require.Len(t, told, 1)
		require.ErrorContains(t, <-told, "read the accounts: ")
		require.Equal(t, 2, f.Len())

		write(t, path, "accounts: []\n", time.Unix(3, 0))
		pass()
		require.Len(t, told, 1)
		require.NoError(t, <-told)
		require.Zero(t, f.Len())
		stop()
		<-done
	})
}
