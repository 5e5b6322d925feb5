package relay

import (
	"sync"
	"time"
)

// slotGrace is how long a user whose message connection broke keeps its slot: long enough to notice,
// look up again and dial two relays, so that nobody takes the place of a user who is reconnecting.
const slotGrace = 30 * time.Second

// user is one concurrent user: a UID in a channel, or a session without a UID.
type user struct {
	appID        string
	channel, uid string
	session      string
}

// slots counts the concurrent users of every account. A slot is taken when a user's first message
// connection opens and freed when the last one ends: at once if it was closed, after slotGrace if it
// broke. A lookup takes none: SDKs look up at two edges at once and use one answer, and a client that
// never comes back would hold its slot until the session's end.
//
// There are no timers: what has lapsed is dropped when somebody asks.
type slots struct {
	mu      sync.Mutex
	users   map[user]*slot
	inUse   map[string]int // users by App ID
	lapsing []lapse        // in order of time
}

type slot struct {
	open  int       // message connections
	until time.Time // held until then when none is open
}

type lapse struct {
	user  user
	until time.Time
}

// free says whether the user has a slot, or could take one now, where the account has scale of them.
func (s *slots) free(u user, scale int, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.fits(u, scale, now)
}

// taking is what came of asking for one more connection.
type taking int

const (
	taken   taking = iota
	full           // the account's scale is used up
	crowded        // the user has as many connections as one may
)

// take opens one more connection of the user, who may have so many of them; a negative number is no limit.
func (s *slots) take(u user, scale, most int, now time.Time) taking {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.fits(u, scale, now) {
		return full
	}
	if s.users == nil {
		s.users, s.inUse = make(map[user]*slot), make(map[string]int)
	}
	held := s.users[u]
	if held != nil && most >= 0 && held.open >= most {
		return crowded
	}
	if held == nil {
		held = &slot{}
		s.users[u] = held
		s.inUse[u.appID]++
	}
	held.open++
	return taken
}

// give ends one connection of the user: it was closed, or it broke.
func (s *slots) give(u user, broke bool, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	held := s.users[u]
	held.open--
	if held.open > 0 {
		return
	}
	if !broke {
		s.drop(u)
		return
	}
	held.until = now.Add(slotGrace)
	s.lapsing = append(s.lapsing, lapse{u, held.until})
}

// fits drops the slots that have lapsed and says whether u has one of the others or one more fits.
func (s *slots) fits(u user, scale int, now time.Time) bool {
	for len(s.lapsing) > 0 && !now.Before(s.lapsing[0].until) {
		l := s.lapsing[0]
		s.lapsing = s.lapsing[1:]
		if held := s.users[l.user]; held != nil && held.open == 0 && !now.Before(held.until) {
			s.drop(l.user)
		}
	}
	return s.users[u] != nil || s.inUse[u.appID] < scale
}

func (s *slots) drop(u user) {
	delete(s.users, u)
	if s.inUse[u.appID]--; s.inUse[u.appID] == 0 {
		delete(s.inUse, u.appID)
	}
}
