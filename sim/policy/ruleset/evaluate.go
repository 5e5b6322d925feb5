package ruleset

import (
	"cmp"
	"errors"
	"slices"
)

// outcome is what becomes of a region of packets.
type outcome struct {
	box
	verdict verdict  // one bit, or both if nobody can tell
	by      string   // the rule or policy that decided
	byRule  bool     // it was a rule
	doubts  []string // why nobody can tell

	translated bool // from here on the source may be another
	altered    bool // something is other than the model thinks: what later chains do with it can't be told
}

// piece is a region that is on its way through a chain.
type piece struct {
	box
	may    verdict  // what doubtful rules on its way may have done with it
	doubts []string // shared between pieces: append to a clipped copy

	translated bool // a doubtful rule may have given it another source
	altered    bool // a rule changed, or may have changed, what later rules look at
}

// errTooComplex ends an evaluation that would not end by itself in reasonable time: k rules can cut a space of four
// dimensions into as many as k^4 regions.
var errTooComplex = errors.New("the rules cut the packets into more than a million regions: too many to decide")

const mostPieces = 1_000_000

// evaluator sends regions through chains.
type evaluator struct {
	situation *situation // of the packets, and within a base chain of what it sees
	pieces    int        // made so far
}

// through sends regions through base chains, one after the other, as the kernel does: each must let a packet pass.
func (e *evaluator) through(chains []*chain, alive []outcome) ([]outcome, error) {
	var out []outcome
	packets := *e.situation
	for _, c := range chains {
		if c.nat && packets.state != "new" {
			continue
		}
		var next []outcome
		for _, a := range alive {
			e.situation = packets.at(c, a.translated)
			done, rest := e.chain(c, []piece{{box: a.box, translated: a.translated}})
			for _, p := range rest {
				done = append(done, outcome{p.box, p.may | c.policy, "the policy of " + c.name, false, p.doubts, p.translated, p.altered})
			}
			if e.pieces > mostPieces {
				return nil, errTooComplex
			}
			for _, o := range done {
				o.verdict &= c.policy | c.ends // a doubtful return leads to no verdict that the chain never gives
				if o.verdict == canAccept {
					o.doubts = nil // of this chain, whichever of its rules it is
				}
				o.doubts = slices.Concat(a.doubts, o.doubts)
				o.altered = o.altered || a.altered
				if o.verdict == canDrop && !a.altered {
					out = append(out, o)
					continue
				}
				o.verdict |= a.verdict
				if c.nat || a.byRule && !o.byRule {
					o.by, o.byRule = a.by, a.byRule // a later chain that lets it be doesn't decide
				}
				next = append(next, o)
			}
		}
		alive = next
	}
	return append(out, alive...), nil
}

// chain sends regions through one chain. Those that come out at its end, or return, are the rest.
func (e *evaluator) chain(c *chain, pieces []piece) (done []outcome, rest []piece) {
	for i := range c.rules {
		r := &c.rules[i]
		cuts, doubt, never := r.ask(e.situation)
		if never || r.action.kind == proceed {
			continue
		}
		// What misses the rule stays where it is; a region that is hit makes room for what is left of it.
		for at, todo := 0, len(pieces); at < todo; {
			p := pieces[at]
			if misses(p.box, cuts) {
				at++
				continue
			}
			hits, left := split(p, cuts)
			if e.pieces += len(hits) + len(left); e.pieces > mostPieces {
				return done, rest
			}
			for _, hit := range hits {
				if doubt != "" {
					hit.may |= r.action.reach()
					hit.translated = hit.translated || r.action.translates || r.action.target != nil && r.action.target.translates
					hit.altered = hit.altered || r.action.alters || r.action.target != nil && r.action.target.alters
					hit.doubts = append(slices.Clip(hit.doubts), r.of(c)+": "+doubt)
					left = append(left, hit)
					continue
				}
				d, n, back := e.act(c, r, hit)
				done, left, rest = append(done, d...), append(left, n...), append(rest, back...)
			}
			todo--
			pieces[at] = pieces[todo]
			pieces[todo] = pieces[len(pieces)-1]
			pieces = append(pieces[:len(pieces)-1], left...)
		}
	}
	return done, append(rest, pieces...)
}

// of names a rule of a chain.
func (r *rule) of(c *chain) string { return r.name + " of " + c.name }

// act does with a region what a rule says. What it returns ended here, goes on to the next rule, or leaves the chain.
func (e *evaluator) act(c *chain, r *rule, p piece) (done []outcome, next, back []piece) {
	by := r.of(c)
	switch r.action.kind {
	case accept:
		done = []outcome{{p.box, p.may | canAccept, by, true, p.doubts, p.translated || r.action.translates, p.altered}}
	case drop:
		done = []outcome{{p.box, p.may | canDrop, by, true, p.doubts, false, p.altered}}
	case giveBack:
		back = []piece{p}
	case jump:
		done, next = e.chain(r.action.target, []piece{p})
	case goAway:
		done, back = e.chain(r.action.target, []piece{p})
	case doubtful:
		p.may, p.altered = canAccept|canDrop, p.altered || r.action.alters
		p.doubts = append(slices.Clip(p.doubts), by+": "+r.action.doubt)
		next = []piece{p}
	}
	return done, next, back
}

// reach is every way in which an action can end a packet's journey.
func (a action) reach() verdict {
	switch a.kind {
	case accept:
		return canAccept
	case drop:
		return canDrop
	case doubtful, giveBack, goAway:
		return canAccept | canDrop // whatever the calling chain would have said
	case jump:
		return a.target.ends
	}
	return 0
}

// cut is what a test asks of addresses and ports.
type cut struct {
	boxes   []box
	negated bool // it asks for the packets outside
}

// ask tells which packets of a situation a rule matches: those within all the cuts. With a doubt it may or may not
// match them.
func (r *rule) ask(s *situation) (cuts []cut, doubt string, never bool) {
	for i := range r.tests {
		t := &r.tests[i]
		if t.own {
			why, outside := s.own(t.negated)
			doubt, cuts = cmp.Or(doubt, why), append(cuts, outside...)
			continue
		}
		matches, boxes, why := t.ask(s)
		if matches == some && s.hides(boxes) {
			matches, why = maybe, "it asks for an address or port after the source of the flow was translated"
		}
		switch matches {
		case no:
			return nil, "", true
		case maybe:
			doubt = cmp.Or(doubt, why) // the first says most: a limit, rather than the name of its table
		case some:
			cuts = append(cuts, cut{boxes, t.negated})
		}
	}
	return cuts, doubt, false
}

// misses tells, without dividing it, of most regions that a rule doesn't match that it doesn't.
func misses(b box, cuts []cut) bool {
	for _, c := range cuts {
		if c.negated {
			continue
		}
		if !slices.ContainsFunc(c.boxes, func(x box) bool { return b.meets(&x) }) {
			return true
		}
	}
	return false
}

// split divides a region into what is within all cuts and what isn't.
func split(p piece, cuts []cut) (hits, left []piece) {
	hits = []piece{p}
	for _, c := range cuts {
		var in []piece
		for _, h := range hits {
			matched, other := divide(h, c.boxes)
			if c.negated {
				matched, other = other, matched
			}
			in, left = append(in, matched...), append(left, other...)
		}
		hits = in
	}
	return hits, left
}

// ask tells what a test says of all packets of a situation; some is those within the boxes, or without them if it is
// negated.
func (t *test) ask(s *situation) (matches answer, boxes []box, why string) {
	if t.exists != nil && t.exists(s) == no {
		return no, nil, "" // a negated test of a port doesn't match a packet without ports
	}
	if t.doubt != "" {
		return maybe, nil, t.doubt
	}
	all, doubt := false, ""
	for i := range t.alternatives {
		alt := &t.alternatives[i]
		a := yes
		if alt.when != nil {
			a = alt.when(s)
		}
		switch {
		case a == maybe:
			doubt = cmp.Or(alt.doubt, "it asks for an interface: say which ones the packets use, with --in and --out")
		case a == yes && alt.box == nil:
			all = true
		case a == yes:
			boxes = append(boxes, *alt.box)
		}
	}
	switch {
	case doubt != "" && !all:
		return maybe, nil, doubt
	case all != t.negated && (all || len(boxes) == 0):
		return yes, nil, ""
	case all || len(boxes) == 0:
		return no, nil, ""
	}
	return some, boxes, ""
}

// of is a part of a piece.
func (p piece) of(b box) piece {
	p.box = b
	return p
}

// own tells which packets a test for the machine's own addresses may match: a relay isn't this machine.
func (s *situation) own(negated bool) (doubt string, outside []cut) {
	if !negated && !s.hidden[dstAddr] {
		outside = []cut{{s.relays, true}}
	}
	return "it asks whether the destination is an address of this machine", outside
}

// redirected asks whether a flow got another destination, which none does where no chain of nat may give it one.
var redirected = alternative{
	when: func(s *situation) answer {
		if s.redirects {
			return maybe
		}
		return no
	},
	doubt: "it asks whether the flow's destination was another, which isn't modelled",
}

// hides tells whether any of some boxes asks for what is hidden.
func (s *situation) hides(boxes []box) bool {
	all := whole()
	for d, hidden := range s.hidden {
		if hidden && slices.ContainsFunc(boxes, func(b box) bool { return b[d] != all[d] }) {
			return true
		}
	}
	return false
}

// divide cuts a region along boxes.
func divide(p piece, boxes []box) (inside, outside []piece) {
	rest := []box{p.box}
	for i := range boxes {
		b := boxes[i]
		if !p.box.meets(&b) {
			continue
		}
		var next []box
		for _, r := range rest {
			common, ok := r.intersect(b)
			if !ok {
				next = append(next, r)
				continue
			}
			inside = append(inside, p.of(common))
			next = append(next, r.minus(b)...)
		}
		rest = next
	}
	for _, r := range rest {
		outside = append(outside, p.of(r))
	}
	return inside, outside
}
