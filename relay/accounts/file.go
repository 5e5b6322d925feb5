// Package accounts keeps the accounts of a cloud proxy in a YAML file that an operator edits while the proxy runs:
//
//	accounts:
//	  - app-id: 8f3a51c2
//	    regions: [EU, US]            # the first is the default
//	    scale: 500                   # concurrent users
//	    operators: [Example Telecom] # of the users' networks
//	    set: production              # of addresses: test or production
//
// Open reads it; a File is a relay.Accounts. Reload reads it again, all of it or, if anything is wrong with it,
// nothing: a broken file leaves the accounts as they were. Watch reloads when the file has changed.
//
// A session whose account is gone ends by itself; until then its user can't connect again.
package accounts

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"sync/atomic"
	"time"

	"github.com/proxyspec/proxyspec/relay"
)

// File is the accounts of a file, as they were when it was last read whole. It may be used from many goroutines.
type File struct {
	path string
	read atomic.Pointer[reading]
}

// reading is what a file had.
type reading struct {
	known relay.Accounts
	count int
	state fs.FileInfo
}

// Open reads the file. An error names every mistake in it, with line and column.
func Open(path string) (*File, error) {
	f := &File{path: path}
	if err := f.Reload(); err != nil {
		return nil, err
	}
	return f, nil
}

// Account is that of an App ID (relay.Accounts).
func (f *File) Account(appID string) (relay.Account, bool) { return f.read.Load().known.Account(appID) }

// Len is how many accounts there are.
func (f *File) Len() int { return f.read.Load().count }

// Reload reads the file again. If it can't be read or anything is wrong in it, the error says so, and the accounts
// stay as they are.
func (f *File) Reload() error {
	state, err := os.Stat(f.path) // before its text: what is written in between is read next time
	if err != nil {
		return fmt.Errorf("read the accounts: %w", err)
	}
	source, err := os.ReadFile(f.path)
	if err != nil {
		return fmt.Errorf("read the accounts: %w", err)
	}
	list, err := Parse(f.path, source)
	if err != nil {
		return err
	}
	known, err := relay.NewAccounts(list...)
	if err != nil {
		return fmt.Errorf("%s: %w", f.path, err)
	}
	f.read.Store(&reading{known, len(list), state})
	return nil
}

// Watch looks at the file every so often until ctx ends, reloads it when it has changed, and tells how that went:
// once for each change, also for one that broke the file.
func (f *File) Watch(ctx context.Context, every time.Duration, tell func(error)) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	seen := f.read.Load().state
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		now, err := os.Stat(f.path)
		if err == nil && seen != nil && same(now, seen) || err != nil && seen == nil {
			continue
		}
		seen = now
		if err != nil {
			seen = nil // gone: told once
		}
		tell(f.Reload())
	}
}

func same(a, b fs.FileInfo) bool {
	return os.SameFile(a, b) && a.ModTime().Equal(b.ModTime()) && a.Size() == b.Size()
}
