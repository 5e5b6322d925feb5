package load

import "context"

// Run carries out a plan.
type Run func(context.Context, Plan) (*Report, error)

// Knee is the largest number of users that a fleet serves well.
type Knee struct {
	Users  int      `json:"users"`  // 0: not even the fewest that were tried
	Most   bool     `json:"most"`   // that was all that the plan has: the knee is beyond
	Best   *Report  `json:"best"`   // of that many; nil if Users is 0
	Missed []string `json:"missed"` // what the fewest that were too many missed
	Tried  []Trial  `json:"tried"`
}

// Trial is one number of users.
type Trial struct {
	Users  int      `json:"users"`
	Missed []string `json:"missed"`
}

const (
	fewest = 10
	// fine is how near the knee must be: within a twentieth.
	fine = 20
)

// FindKnee looks for the knee up to the plan's users: it doubles their number until the goal is missed, and then halves
// what is between. The enterprises grow with the users.
func FindKnee(ctx context.Context, p Plan, goal Goal, run Run) (*Knee, error) {
	p = p.WithDefaults()
	k := &Knee{}
	try := func(users int) (bool, error) {
		q := p
		q.Users = users
		q.Enterprises = max(1, min(users, p.Enterprises*users/p.Users))
		q.WebRTC = min(2*q.pairs(), p.WebRTC)
		r, err := run(ctx, q)
		if err != nil {
			return false, err
		}
		missed := goal.Missed(r)
		k.Tried = append(k.Tried, Trial{users, missed})
		if len(missed) == 0 {
			k.Users, k.Best = users, r
		} else {
			k.Missed = missed
		}
		return len(missed) == 0, nil
	}
	users := min(fewest, p.Users)
	for {
		well, err := try(users)
		if err != nil {
			return k, err
		}
		if !well {
			break
		}
		if users == p.Users {
			k.Most = true
			return k, nil
		}
		users = min(2*users, p.Users)
	}
	for bad := users; k.Users > 0 && bad-k.Users > max(1, k.Users/fine); {
		users = (k.Users + bad) / 2
		well, err := try(users)
		if err != nil {
			return k, err
		}
		if !well {
			bad = users
		}
	}
	return k, nil
}
