package world

import "time"

// Limits are how long and how often an SDK may try, by the requirements. Zero values are the defaults.
type Limits struct {
	Join     time.Duration `json:"join"`     // until a join has succeeded or failed; default 60 s
	Media    time.Duration `json:"media"`    // until publishing or subscribing has succeeded or failed; default 60 s
	Fallback time.Duration `json:"fallback"` // after a connection was lost, until there is another or a failure is reported; default 60 s
	Move     time.Duration `json:"move"`     // after media stopped arriving, until it goes another way or a failure is reported; default 30 s
	Lookups  int           `json:"lookups"`  // lookup requests a join; default 20
	Watch    time.Duration `json:"watch"`    // how long an absence is watched; default 30 s
	Reply    time.Duration `json:"reply"`    // until a call that only sets something has returned; default 5 s
	Teardown time.Duration `json:"teardown"` // after leaving, how long packets may still be sent; default 30 s
}

func (l Limits) withDefaults() Limits {
	set := func(d *time.Duration, value time.Duration) {
		if *d == 0 {
			*d = value
		}
	}
	set(&l.Join, 60*time.Second)
	set(&l.Media, 60*time.Second)
	set(&l.Fallback, 60*time.Second)
	set(&l.Move, 30*time.Second)
	set(&l.Watch, 30*time.Second)
	set(&l.Reply, 5*time.Second)
	set(&l.Teardown, 30*time.Second)
	if l.Lookups == 0 {
		l.Lookups = 20
	}
	return l
}
