// Package expectation reads expectations files: what is known to fail, or not to be supported, for which SDK and
// versions, why, where it is tracked, and until when that holds; and profiles, which say what an SDK claims.
//
// To use one, Parse it, take what is about the SDK under test with For, and put it into a result.Run before
// result.Judge. Stale says which entries are no longer true; they fail a run, so that a file can't rot. The package
// judges no case and reads no clock.
package expectation

import (
	"bytes"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"github.com/proxyspec/proxyspec/conformance/result"
	"github.com/proxyspec/proxyspec/sim/policy"
	"github.com/proxyspec/proxyspec/text/nearest"
)

// File is an expectations file.
type File struct {
	Entries  []Entry
	Profiles []Profile
	list     list
}

// list is where the entries stand in the file.
type list struct {
	line     int  // of its key; 0: there is none
	indent   int  // of its dashes
	brackets bool // it is written in them, and its entries have no lines of their own
}

// Entry is what is expected of some versions of an SDK.
type Entry struct {
	SDK      string
	Versions policy.VersionRange
	result.Expectation
	first, end int // its lines, from first to before end
}

// Profile is what some versions of an SDK claim.
type Profile struct {
	SDK      string
	Versions policy.VersionRange
	Claims   []string
	line     int
}

// written is an entry, or a profile, as it stands in the file.
type written struct {
	SDK         string   `yaml:"sdk"`
	Versions    string   `yaml:"versions"`
	Requirement string   `yaml:"requirement"`
	Scenario    string   `yaml:"scenario"`
	Outcome     string   `yaml:"outcome"`
	Reason      string   `yaml:"reason"`
	Issue       string   `yaml:"issue"`
	Expires     string   `yaml:"expires"`
	Claims      []string `yaml:"claims"`
}

// day is how dates are written.
const day = "2006-01-02"

// Parse reads a file. Its error has a line for each mistake, which says where it is.
func Parse(name string, source []byte) (*File, error) {
	var mistakes []error
	wrong := func(line int, format string, args ...any) {
		mistakes = append(mistakes, fmt.Errorf("%s:%d: %s", name, line, fmt.Sprintf(format, args...)))
	}
	source = bytes.TrimPrefix(source, []byte("\ufeff")) // with which some editors begin a file
	tree, err := parser.ParseBytes(source, 0)
	if err != nil {
		return nil, fmt.Errorf("%s: %s", name, said(err))
	}
	file := &File{list: list{indent: 2}}
	if len(tree.Docs) == 0 || tree.Docs[0].Body == nil {
		return file, nil
	}
	body := tree.Docs[0].Body
	switch body.Type() {
	case ast.MappingType, ast.MappingValueType, ast.NullType, ast.CommentType:
	default:
		return nil, fmt.Errorf("%s:%d: the file must be a map with the sections expect and profiles", name, firstLine(body))
	}
	if len(tree.Docs) > 1 {
		return nil, fmt.Errorf("%s: the file has %d YAML documents; one is read", name, len(tree.Docs))
	}
	for _, section := range pairs(body) {
		line := section.Key.GetToken().Position.Line
		key := section.Key.String()
		if key != "expect" && key != "profiles" {
			wrong(line, "there is no section %q%s; there are expect and profiles", key, nearest.Hint(key, []string{"expect", "profiles"}))
			continue
		}
		items := &ast.SequenceNode{} // with nothing below its key it is empty, as when the last entry has gone
		if section.Value.Type() != ast.NullType {
			var isList bool
			if items, isList = section.Value.(*ast.SequenceNode); !isList {
				wrong(line, "%s must be a list", key)
				continue
			}
		}
		if key == "expect" {
			file.list = listOf(line, items)
		}
		for i, item := range items.Values {
			line := firstLine(item)
			var w written
			if err := readItem(item, &w); err != nil {
				wrong(line, "%v", err)
				continue
			}
			var versions policy.VersionRange // all of them
			var err error
			if w.Versions != "" {
				versions, err = policy.ParseVersionRange(w.Versions)
			}
			switch {
			case w.SDK == "":
				wrong(line, "it needs sdk: the name of the SDK, as a report prints it")
			case err != nil:
				wrong(line, "versions: %v", err)
			case key == "profiles":
				if len(w.Claims) == 0 || w.Requirement+w.Scenario+w.Outcome+w.Reason != "" {
					wrong(line, "a profile has sdk, versions and claims, a list of themes or requirements")
				}
				file.Profiles = append(file.Profiles, Profile{w.SDK, versions, w.Claims, line})
			default:
				e, err := w.entry(line)
				if err != nil {
					mistakes = append(mistakes, prefixed(fmt.Sprintf("%s:%d: ", name, line), err)...)
					continue
				}
				e.Versions = versions
				if !items.IsFlowStyle && i < len(items.Entries) {
					e.first = items.Entries[i].Start.Position.Line
				}
				file.Entries = append(file.Entries, e)
			}
		}
	}
	file.ends(string(source))
	return file, errors.Join(mistakes...)
}

func prefixed(with string, err error) (list []error) {
	for line := range strings.Lines(err.Error()) {
		list = append(list, errors.New(with+strings.TrimSpace(line)))
	}
	return list
}

// entry checks what an entry must have.
func (w written) entry(line int) (Entry, error) {
	var wrong []error
	say := func(format string, args ...any) { wrong = append(wrong, fmt.Errorf(format, args...)) }
	if (w.Requirement == "") == (w.Scenario == "") {
		say("it needs either requirement or scenario")
	}
	outcome := result.Outcome(w.Outcome)
	switch outcome {
	case "":
		outcome = result.Fail
	case result.Fail, result.NotSupported:
	default:
		say("outcome must be \"fail\" or \"not supported\", not %q", w.Outcome)
	}
	if strings.TrimSpace(w.Reason) == "" {
		say("it needs a reason, for those who come after you")
	}
	if !isLink(w.Issue) {
		say("it needs issue: a link to where this is tracked")
	}
	if _, err := time.Parse(day, w.Expires); err != nil {
		say("it needs expires: a day such as 2027-01-31")
	}
	if len(w.Claims) > 0 {
		say("claims belong to a profile")
	}
	return Entry{SDK: w.SDK, first: line, Expectation: result.Expectation{
		Line: line, Requirement: w.Requirement, Scenario: w.Scenario, Outcome: outcome,
		Reason: strings.Join(strings.Fields(w.Reason), " "), Issue: w.Issue, Expires: w.Expires,
	}}, errors.Join(wrong...)
}

func listOf(line int, items *ast.SequenceNode) list {
	l := list{line: line, indent: 2, brackets: items.IsFlowStyle && len(items.Values) > 0}
	if !items.IsFlowStyle && items.Start != nil {
		l.indent = items.Start.Position.Column - 1
	}
	return l
}

func pairs(node ast.Node) []*ast.MappingValueNode {
	switch m := node.(type) {
	case *ast.MappingNode:
		return m.Values
	case *ast.MappingValueNode:
		return []*ast.MappingValueNode{m}
	}
	return nil
}

// firstLine is where an item of a list begins.
func firstLine(item ast.Node) int {
	if p := pairs(item); len(p) > 0 {
		return p[0].Key.GetToken().Position.Line
	}
	return item.GetToken().Position.Line
}

// For is what a file says of an SDK: the entries and the claims. An SDK is meant by its name or as it was selected.
func (f *File) For(sdk result.SDK) (entries []result.Expectation, profile *result.Profile) {
	for _, e := range f.Entries {
		if means(e.SDK, e.Versions, sdk) {
			entries = append(entries, e.Expectation)
		}
	}
	for _, p := range f.Profiles {
		if means(p.SDK, p.Versions, sdk) {
			if profile == nil {
				profile = &result.Profile{}
			}
			profile.Claims = append(profile.Claims, p.Claims...)
		}
	}
	return entries, profile
}

func means(name string, versions policy.VersionRange, sdk result.SDK) bool {
	if name != sdk.Name && name != sdk.Selected {
		return false
	}
	if versions.String() == "" {
		return true
	}
	v, err := policy.ParseVersion(sdk.Version)
	return err == nil && versions.Contains(v)
}

// Stale says which entries and claims can't be true any more on a day: they have expired, or name a requirement
// without a scenario, or a scenario that isn't there. cases are the IDs of the whole suite and of all that is in the
// user's own files of this run: of a file that isn't part of it nobody knows. scenarios says how many cases a
// requirement has.
func Stale(entries []result.Expectation, profile *result.Profile, today time.Time, cases []string, scenarios map[string]int) (stale []string) {
	for _, e := range entries {
		say := func(format string, args ...any) {
			stale = append(stale, fmt.Sprintf("line %d, %s: ", e.Line, e.Names())+fmt.Sprintf(format, args...))
		}
		if e.Expires < today.Format(day) {
			say("expired on %s: %s", e.Expires, e.Issue)
		}
		switch {
		case e.Requirement != "" && scenarios[e.Requirement] == 0:
			say("no scenario proves such a requirement")
		case e.Scenario != "" && !slices.ContainsFunc(cases, func(id string) bool {
			return id == e.Scenario || strings.HasPrefix(id, e.Scenario+"/")
		}) && !elsewhere(e.Scenario, cases):
			say("there is no such scenario%s", nearest.Hint(e.Scenario, cases))
		}
	}
	if profile == nil {
		return stale
	}
	for _, claim := range profile.Claims {
		known := false
		for id := range scenarios {
			known = known || id == claim || strings.HasPrefix(id, claim+"-")
		}
		if !known {
			stale = append(stale, fmt.Sprintf("the profile claims %s, which no scenario proves", claim))
		}
	}
	return stale
}

// elsewhere tells whether a scenario is of a file of the user's own that has none of some cases.
func elsewhere(scenario string, cases []string) bool {
	return strings.HasPrefix(scenario, "own/") && !slices.ContainsFunc(cases, func(id string) bool {
		return strings.HasPrefix(id, "own/") && strings.HasPrefix(scenario, path.Dir(id)+"/")
	})
}
