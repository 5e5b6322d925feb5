package mutant

import (
	"errors"
	"net"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/proxyspec/proxyspec/relay"
)

// accounts are a cloud proxy that keeps its accounts, or counts their users, wrongly.
var accounts = []Mutant{
	{
		Name: "serves-every-app", Breaks: []string{"CP-PROV-01"},
		Description: "serves App IDs that have no account",
		ground: keeping(func(known relay.Accounts, appID string) (relay.Account, bool) {
			if a, ok := known.Account(appID); ok {
				return a, true
			}
			return relay.Account{AppID: appID, Regions: []string{"global"}, Scale: 1000, Operators: []string{"any"}}, true
		}),
	},
	{
		Name: "apps-in-any-case", Breaks: []string{"CP-PROV-01"},
		Description: "takes an App ID for another one that differs in case",
		ground: keeping(func(known relay.Accounts, appID string) (relay.Account, bool) {
			return known.Account(strings.ToLower(appID))
		}),
	},
	{
		Name: "apps-by-their-beginning", Breaks: []string{"CP-PROV-01"},
		Description: "overlooks what follows after the first 18 characters of an App ID",
		ground: keeping(func(known relay.Accounts, appID string) (relay.Account, bool) {
			return known.Account(appID[:min(len(appID), 18)])
		}),
	},
	{
		Name: "overlooks-the-first-region", Breaks: []string{"CP-PROV-03"},
		Description: "keeps all regions of an account but the first",
		ground:      changed(func(a *relay.Account) { a.Regions = a.Regions[1:] }),
	},
	{
		Name: "one-region-only", Breaks: []string{"CP-PROV-03"},
		Description: "keeps the first region of an account only",
		ground:      changed(func(a *relay.Account) { a.Regions = a.Regions[:1] }),
	},
	{
		Name: "one-user-more", Breaks: []string{"CP-PROV-04"},
		Description: "lets in one user more than the account is for",
		ground:      changed(func(a *relay.Account) { a.Scale++ }),
	},
	{
		Name: "one-user-less", Breaks: []string{"CP-PROV-04"},
		Description: "lets in one user less than the account is for",
		ground:      changed(func(a *relay.Account) { a.Scale-- }),
	},
	{
		Name: "never-frees-places", Breaks: []string{"CP-PROV-04"},
		Description: "goes on counting users who have gone",
		ground: func() Ground {
			var gone atomic.Int64
			g := changed(func(a *relay.Account) { a.Scale -= int(gone.Load()) })()
			g.CloudProxy = func(cfg *relay.Config) {
				log := cfg.Log
				cfg.Log = func(e relay.Event) {
					if e.Name == relay.EventMessagesClosed {
						gone.Add(1)
					}
					log(e)
				}
			}
			return g
		},
	},
	{
		Name: "refusal-ends-calls", Breaks: []string{"CP-PROV-05"},
		Description: "closes the message connections of an App ID when it has to refuse one more user",
		ground:      refusalEndsCalls,
	},
	{
		Name: "takes-no-record", Breaks: []string{"CP-PROV-06"},
		Description: "wants a telephone number in a record, which nobody has asked for",
		ground: func() Ground {
			return Ground{Accounts: func(recorded ...relay.Account) (relay.Accounts, error) {
				if len(recorded) == 1 && len(recorded[0].Operators) > 0 {
					return nil, errors.New("there is no telephone number")
				}
				return relay.NewAccounts(recorded...)
			}}
		},
	},
	{
		Name: "takes-record-without-operators", Breaks: []string{"CP-PROV-06"},
		Description: "takes a record that names no network operator",
		ground:      filling(func(a *relay.Account) { a.Operators = []string{"any"} }),
	},
	{
		Name: "takes-record-without-regions", Breaks: []string{"CP-PROV-06"},
		Description: "takes a record that names no region",
		ground:      filling(func(a *relay.Account) { a.Regions = []string{"global"} }),
	},
	{
		Name: "takes-record-without-scale", Breaks: []string{"CP-PROV-06"},
		Description: "takes a record that names no scale",
		ground:      filling(func(a *relay.Account) { a.Scale = max(a.Scale, 1) }),
	},
}

// find looks an App ID up in what a sound cloud proxy keeps.
type find func(known relay.Accounts, appID string) (relay.Account, bool)

// keeping makes a cloud proxy that finds other accounts than those that were recorded.
func keeping(f find) func() Ground {
	return func() Ground {
		return Ground{Accounts: func(recorded ...relay.Account) (relay.Accounts, error) {
			known, err := relay.NewAccounts(recorded...)
			return book{known, f}, err
		}}
	}
}

type book struct {
	known relay.Accounts
	find  find
}

func (b book) Account(appID string) (relay.Account, bool) { return b.find(b.known, appID) }

// changed makes a cloud proxy that misreads what was recorded.
func changed(change func(*relay.Account)) func() Ground {
	return keeping(func(known relay.Accounts, appID string) (relay.Account, bool) {
		a, ok := known.Account(appID)
		if ok {
			change(&a)
		}
		return a, ok
	})
}

// filling makes a cloud proxy that fills in what a record lacks.
func filling(fill func(*relay.Account)) func() Ground {
	return func() Ground {
		return Ground{Accounts: func(recorded ...relay.Account) (relay.Accounts, error) {
			for i := range recorded {
				fill(&recorded[i])
			}
			return relay.NewAccounts(recorded...)
		}}
	}
}

// refusalEndsCalls is a cloud proxy whose edges, when they refuse for want of a place, close what its relays have
// open.
func refusalEndsCalls() Ground {
	var mu sync.Mutex
	var open []net.Conn
	return Ground{CloudProxy: func(cfg *relay.Config) {
		log := cfg.Log
		cfg.Log = func(e relay.Event) {
			log(e)
			if e.Name == relay.EventLookupRefused && e.Code == relay.CodeScale {
				mu.Lock()
				defer mu.Unlock()
				for _, conn := range open {
					_ = conn.Close()
				}
				open = nil
			}
		}
		cfg.Wrap = tapped(func(conn net.Conn) net.Conn {
			mu.Lock()
			defer mu.Unlock()
			open = append(open, conn)
			return conn
		})
	}}
}
