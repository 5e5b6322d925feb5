package reports

import (
	"compress/flate"
	"encoding/base64"
	"html/template"
	"strings"

	"github.com/proxyspec/proxyspec/conformance/result"
)

// openCases is how many of the cases in trouble begin open, with their ladder drawn in the page's source, where
// it is printed and needs no script. The others carry theirs packed, and the page draws it when their case is
// opened: a drawn ladder is some 10 kB, a packed one 2 kB, and a page may have thousands.
const openCases = 20

// caseView is a case as the page shows it.
type caseView struct {
	result.Case
	Anchor string
	Open   bool
	Brief  bool   // it passed, and has a page of its own
	Reason string // why it did not pass, in a line
	Proof  []proofView
	Ladder template.HTML // drawn, or "" if Packed
	Packed string        // the same, deflated, in base64
}

// proofView is an event that proves a failure.
type proofView struct {
	Seq              int
	At, Words, Class string
	Decides          bool
}

func caseViewOf(c result.Case, open bool) (*caseView, error) {
	v := &caseView{Case: c, Anchor: "case-" + c.ID, Open: open, Brief: shown(c.Outcome) == result.Pass && c.Evidence.Page != ""}
	if c.Failure != nil {
		v.Reason = note(c.Known, c.Failure.Message)
		h := hostsOf(c)
		for i := range c.Failure.Events {
			e := &c.Failure.Events[i]
			v.Proof = append(v.Proof, proofView{e.Seq, clock(e.At), h.sentence(e), e.Verdict, e.Seq == c.Failure.Deciding()})
		}
	}
	if !open && c.Evidence.Page != "" {
		return v, nil // which has it
	}
	svg := ladderOf(c).SVG("Sequence diagram of " + c.Name)
	if open || svg == "" {
		v.Ladder = svg
		return v, nil
	}
	packed, err := pack(string(svg))
	v.Packed = packed
	return v, err
}

// Gist is why a case did not pass, in a line: what was wrong, and what was seen instead.
func (v *caseView) Gist() string {
	text := v.Reason
	if v.Failure != nil && v.Failure.Actual != "" {
		text += ": " + v.Failure.Actual
	}
	return clip(oneLine(text), 240)
}

func pack(text string) (string, error) {
	var b strings.Builder
	encoder := base64.NewEncoder(base64.StdEncoding, &b)
	w, err := flate.NewWriter(encoder, flate.DefaultCompression)
	if err != nil {
		return "", err
	}
	if _, err := w.Write([]byte(text)); err != nil {
		return "", err
	}
	if err := w.Close(); err != nil {
		return "", err
	}
	if err := encoder.Close(); err != nil {
		return "", err
	}
	return b.String(), nil
}
