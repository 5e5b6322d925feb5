// Package decision is the decision table of the four methods, written from the requirements alone: what
// startProxyServer, stopProxyServer, setProxyServer and setTurnServer must do in any sequence of calls with
// join and leave between them. Give Check a sequence and what came back; it says where that isn't by the
// table.
//
// The package owns the table and the enumeration of sequences. It knows no SDK, and it judges by what calls
// returned and nothing else: a setting that was changed in silence shows in a later call of some sequence,
// because start errors after a set, and a set after start. It judges no join and no leave, and nothing that
// the table leaves open.
package decision

import "iter"

// Call is a call of an SDK's client.
type Call byte

// The calls, in the order in which sequences are enumerated.
const (
	Start    Call = iota // startProxyServer
	Stop                 // stopProxyServer
	SetProxy             // setProxyServer, with parameters that are valid
	SetTurn              // setTurnServer, likewise
	Join
	Leave
)

// Calls is all of them.
var Calls = []Call{Start, Stop, SetProxy, SetTurn, Join, Leave}

var names = []string{"startProxyServer", "stopProxyServer", "setProxyServer", "setTurnServer", "join", "leave"}

func (c Call) String() string { return names[c] }

// Judged tells whether the table says anything of the call.
func (c Call) Judged() bool { return c != Join && c != Leave }

// Sequences is every sequence that begins with prefix and has at most length calls: the shorter first, and
// those of one length in order. It yields prefix itself. The slice is the consumer's to keep.
func Sequences(prefix []Call, length int) iter.Seq[[]Call] {
	return func(yield func([]Call) bool) {
		for n := len(prefix); n <= length; n++ {
			if !extend(append(make([]Call, 0, n), prefix...), n, yield) {
				return
			}
		}
	}
}

func extend(sequence []Call, n int, yield func([]Call) bool) bool {
	if len(sequence) == n {
		return yield(append([]Call(nil), sequence...))
	}
	for _, c := range Calls {
		if !extend(append(sequence, c), n, yield) {
			return false
		}
	}
	return true
}

// Level says whether a cell of the table decides or is only listed.
type Level byte

// The levels.
const (
	Open   Level = iota // the table says nothing
	Should              // listed
	Must                // decides
)

// Expectation is what the table says of one call.
type Expectation struct {
	Error bool
	Level Level
}

// setting is what the four methods have set.
type setting byte

const (
	none setting = iota
	cloud
	self
)

// client is what the table knows of a client after some calls.
type client struct {
	in      bool // from the call of join to that of leave
	setting setting
	// settled: the setting rests on cells that decide. After a call of a cell that doesn't, it may be
	// another, and what follows from it can't decide either.
	settled bool
	// lost: nothing is known any more. After a leave() made while still connecting nothing is judged until it
	// has ended.
	lost bool
}

// Expect is what the table says of each call of a sequence. waiting says whether each call is made after the
// one before has ended, with every join a success, or all are made at once.
func Expect(sequence []Call, waiting bool) []Expectation {
	c := client{settled: true}
	expected := make([]Expectation, len(sequence))
	for i, call := range sequence {
		if c.lost {
			break
		}
		expected[i] = c.call(call, waiting)
	}
	return expected
}

// call takes the client through one call.
func (c *client) call(call Call, waiting bool) Expectation {
	switch {
	case call == Join:
		c.in = true
		return Expectation{}
	case call == Leave:
		c.lost = c.in && !waiting
		c.in = false
		return Expectation{}
	case c.in:
		// Start and stop change nothing (M), sets change nothing (S); all error (S).
		c.settled = c.settled && (call == Start || call == Stop)
		return Expectation{Error: true, Level: Should}
	case call == Stop:
		c.setting, c.settled = none, true
		return Expectation{Level: Must}
	}
	rests := Must
	if !c.settled {
		rests = Should
	}
	switch {
	case call == Start && c.setting == none:
		c.setting = cloud
		return Expectation{Level: rests}
	case call == Start && c.setting == cloud:
		c.settled = false
		return Expectation{Level: Should}
	case call == Start: // self
		return Expectation{Error: true, Level: rests}
	case c.setting == cloud:
		return Expectation{Error: true, Level: rests}
	}
	c.setting = self
	return Expectation{Level: rests}
}

// Course follows one client through its calls as they are made and end, each waited for or not, where Expect needs
// to know beforehand which. The zero value is not a Course: use NewCourse.
type Course struct{ client client }

// NewCourse is the course of a client that was made without proxy values.
func NewCourse() *Course { return &Course{client{settled: true}} }

// Call is what the table says of a call that is made now. joining says whether a join is still under way.
func (c *Course) Call(call Call, joining bool) Expectation {
	if c.client.lost {
		return Expectation{}
	}
	return c.client.call(call, !joining)
}

// Failed says that a join has failed. Whether the client may be set anew before it leaves is only a SHOULD (CP-API-10), so
// until then nothing is certain.
func (c *Course) Failed() { c.client.lost = true }

// Outside says that the client is outside for certain, because a leave has ended. What it was set
// to stays, but once nothing was judged nobody knows what that is.
func (c *Course) Outside() {
	c.client.in = false
	if c.client.lost {
		c.client.lost, c.client.settled = false, false
	}
}

// Cloud tells whether the client's next join, or the one that it is in, is by way of the cloud proxy, as far as that is
// certain.
func (c *Course) Cloud() bool { return c.surely(cloud) }

// Direct tells whether it is without any proxy, as far as that is certain.
func (c *Course) Direct() bool { return c.surely(none) }

func (c *Course) surely(s setting) bool {
	return !c.client.lost && c.client.settled && c.client.setting == s
}
