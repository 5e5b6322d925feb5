package serve

import "time"

// mostSessions is how many sessions' accounts are known, in each of two generations: those of a day of a large
// installation. Beyond it the media of the oldest is counted for no account.
const mostSessions = 200_000

// sessions knows whose sessions are, since TURN credentials don't tell. The zero value is ready.
type sessions struct {
	young, old map[string]known
}

type known struct {
	account  string
	answered time.Time // zero: it has joined, or was looked up elsewhere
}

func (s *sessions) put(session string, k known) {
	if s.young == nil || len(s.young) >= mostSessions {
		s.young, s.old = make(map[string]known), s.young
	}
	s.young[session] = k
}

func (s *sessions) find(session string) (known, bool) {
	k, ok := s.young[session]
	if !ok {
		k, ok = s.old[session]
	}
	return k, ok
}

func (s *sessions) add(session, account string, now time.Time) { s.put(session, known{account, now}) }

// know learns the account of a session that was looked up elsewhere.
func (s *sessions) know(session, account string) {
	if _, ok := s.find(session); !ok {
		s.put(session, known{account: account})
	}
}

func (s *sessions) account(session string) string {
	k, _ := s.find(session)
	return k.account
}

// join is how long ago a session was looked up, the first time that it is asked.
func (s *sessions) join(session string, now time.Time) (took time.Duration, first bool) {
	k, _ := s.find(session)
	if k.answered.IsZero() {
		return 0, false
	}
	took = now.Sub(k.answered)
	k.answered = time.Time{}
	s.put(session, k)
	return took, true
}
