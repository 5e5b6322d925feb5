package stranger

// Twist is one way in which an SDK differs from the plain one.
type Twist struct {
	Name   string
	Does   string   // in words: "an SDK that ..."
	Breaks []string // requirements, each with a scenario that must fail; none: a liberty, and nothing may
}

// Find is the twist of a name.
func Find(name string) (Twist, bool) {
	for _, t := range append(Liberties(), Faults()...) {
		if t.Name == name {
			return t, true
		}
	}
	return Twist{}, false
}
