package relay

import (
	"errors"
	"fmt"
	"slices"
)

// Account is what support records about an App ID before it may use the cloud proxy: step 3 of the
// document's implementation.
type Account struct {
	AppID     string
	Regions   []string // at least one; the first is the default
	Scale     int      // concurrent users, at least one
	Operators []string // the network operators of its users, at least one
	Set       Set      // whose relays its users get; empty: all
}

// Set is one of the two sets of addresses that a cloud proxy has: one for trying it out, which everybody shares, and
// one for production, which support gives to an account.
type Set string

// The sets.
const (
	TestSet       Set = "test"
	ProductionSet Set = "production"
)

// serves says whether a relay of this set is for users of the other's. An empty set is no choice.
func (s Set) serves(account Set) bool { return s == "" || account == "" || s == account }

// Accounts finds the account of an App ID. It is called for every lookup and every message
// connection, from many goroutines.
type Accounts interface {
	Account(appID string) (a Account, ok bool)
}

// NewAccounts keeps accounts in memory. It refuses a record that lacks a part, or two of one App ID.
func NewAccounts(accounts ...Account) (Accounts, error) {
	table := make(accountTable, len(accounts))
	for _, a := range accounts {
		if err := a.validate(); err != nil {
			return nil, err
		}
		if _, ok := table[a.AppID]; ok {
			return nil, fmt.Errorf("account %q: recorded twice", a.AppID)
		}
		a.Regions, a.Operators = slices.Clone(a.Regions), slices.Clone(a.Operators)
		table[a.AppID] = a
	}
	return table, nil
}

func (a Account) validate() error {
	switch {
	case a.AppID == "":
		return errors.New("account: no App ID")
	case len(a.Regions) == 0 || slices.Contains(a.Regions, ""):
		return fmt.Errorf("account %q: name at least one region, none of them empty", a.AppID)
	case a.Scale < 1:
		return fmt.Errorf("account %q: scale %d: give the number of concurrent users, at least 1", a.AppID, a.Scale)
	case len(a.Operators) == 0 || slices.Contains(a.Operators, ""):
		return fmt.Errorf("account %q: name at least one network operator, none of them empty", a.AppID)
	}
	if err := a.Set.validate(); err != nil {
		return fmt.Errorf("account %q: %w", a.AppID, err)
	}
	return nil
}

func (s Set) validate() error {
	switch s {
	case "", TestSet, ProductionSet:
		return nil
	}
	return fmt.Errorf("set %q is neither %q nor %q", s, TestSet, ProductionSet)
}

type accountTable map[string]Account

func (t accountTable) Account(appID string) (Account, bool) {
	a, ok := t[appID]
	return a, ok
}
