package policy

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/proxyspec/proxyspec/sim/firewall"
	"github.com/proxyspec/proxyspec/text/nearest"
	"github.com/proxyspec/proxyspec/text/tree"
)

// list is the items of a list, or the one value that stands there instead.
func list(n *tree.Node) []*tree.Node {
	if n.Kind == tree.List {
		return n.Items
	}
	return []*tree.Node{n}
}

func (r *reader) protocols(n *tree.Node, entry string) (out []firewall.Proto) {
	for _, item := range list(n) {
		proto, ok := parseProto(item.Text)
		switch {
		case item.Kind != tree.String || !ok:
			r.wrong(CodeBadValue, Pos{item.Line, item.Column}, entry, fmt.Sprintf("%s is no protocol of a policy", shown(item)), "write TCP, UDP or [TCP, UDP]")
		case slices.Contains(out, proto):
			r.wrong(CodeRepeated, Pos{item.Line, item.Column}, entry, fmt.Sprintf("%v stands here for the second time", proto), "keep one")
		default:
			out = append(out, proto)
		}
	}
	return out
}

func parseProto(text string) (firewall.Proto, bool) {
	switch strings.ToUpper(text) {
	case "TCP":
		return firewall.TCP, true
	case "UDP":
		return firewall.UDP, true
	}
	return 0, false
}

func (r *reader) destinations(n *tree.Node, entry string) (out []Destination) {
	for _, item := range list(n) {
		if item.Kind != tree.String {
			r.wrong(CodeBadValue, Pos{item.Line, item.Column}, entry, fmt.Sprintf("%s is no destination", shown(item)),
				"write an address, a network, a range or a domain name")
			continue
		}
		if d, ok := r.destination(item.Text, textPos(item), entry); ok {
			out = append(out, d)
		}
	}
	return out
}

func (r *reader) destination(text string, at Pos, entry string) (Destination, bool) {
	d, err := ParseDestination(text)
	d.At = at
	if err != nil {
		code := CodeBadValue
		if errors.Is(err, errReversed) {
			code = CodeReversed
		}
		words, remedy, _ := strings.Cut(err.Error(), "; ")
		r.wrong(code, at, entry, words, remedy)
		return Destination{}, false
	}
	return d, true
}

func (r *reader) ports(n *tree.Node, entry string) (out []PortGroup) {
	for _, item := range list(n) {
		at := textPos(item)
		if item.Kind != tree.String && item.Kind != tree.Number {
			r.wrong(CodeBadValue, at, entry, fmt.Sprintf("%s is no port", shown(item)), `write ports and ranges such as "443, 4000, 3433-3460", or "any"`)
			continue
		}
		groups := r.portText(item.Text, at, entry)
		if len(groups) == 0 && n.Kind == tree.List && strings.EqualFold(item.Text, "any") && len(n.Items) > 1 {
			r.wrong(CodeBadValue, at, entry, `"any" beside other ports`, `write "any" alone, or leave it out`)
		}
		if n.Kind == tree.List && len(groups) > 1 { // an item is one group, even over several lines
			for _, g := range groups[1:] {
				groups[0].Ranges = append(groups[0].Ranges, g.Ranges...)
			}
			groups = groups[:1]
		}
		out = append(out, groups...)
	}
	if n.Kind == tree.List && len(n.Items) == 0 {
		r.wrong(CodeBadValue, Pos{n.Line, n.Column}, entry, "no ports", `write ports and ranges such as "443, 4000, 3433-3460", or "any"`)
	}
	return out
}

// portText reads the text of ports, and keeps what it can of a text with mistakes.
func (r *reader) portText(text string, at Pos, entry string) []PortGroup {
	groups, err := parsePorts(text, at)
	if err == nil {
		return groups
	}
	code := CodeBadValue
	if errors.Is(err.err, errReversed) {
		code = CodeReversed
	}
	words, remedy, found := strings.Cut(err.err.Error(), "; ")
	if !found {
		words, remedy, _ = strings.Cut(words, ": ")
	}
	r.wrong(code, err.at, entry, words, remedy)
	return nil
}

func (r *reader) text(n *tree.Node, entry, what string) string {
	if n.Kind != tree.String {
		remedy := "put it in quotes"
		if n.Kind == tree.List || n.Kind == tree.Map {
			remedy = ""
		}
		r.wrong(CodeBadValue, Pos{n.Line, n.Column}, entry, fmt.Sprintf("%s must be text, not %v", what, n.Kind), remedy)
		return ""
	}
	return strings.Join(strings.Fields(n.Text), " ")
}

// nameForm is what an ID may be: it stands in rule comments, file names and reports.
var nameForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

func (r *reader) name(n *tree.Node, entry, what string) string {
	name := r.text(n, entry, what)
	if n.Kind != tree.String {
		return name
	}
	if words := badName(name); words != "" {
		r.wrong(CodeBadValue, Pos{n.Line, n.Column}, "", fmt.Sprintf("%s, %q, %s", what, name, words), "")
	}
	return name
}

// badName says what is wrong with an ID, or nothing.
func badName(name string) string {
	switch {
	case !nameForm.MatchString(name):
		return "must be 1 to 64 letters, digits, dots, dashes and underscores, and begin with a letter or a digit"
	case slices.Contains([]string{firewall.RuleDefault, firewall.RuleEstablished, firewall.RuleRelated, firewall.RuleInvalid, firewall.RuleUnsolicited, firewall.RuleNoReplies}, name):
		return "is reserved for the firewall's own verdicts"
	}
	return ""
}

// word reads one of a few words.
func (r *reader) word(n *tree.Node, entry, what string, known ...string) string {
	if n.Kind == tree.String && slices.Contains(known, n.Text) {
		return n.Text
	}
	remedy := "write " + strings.Join(known, " or ")
	if meant := nearest.To(n.Text, known); meant != "" {
		remedy = fmt.Sprintf("did you mean %q?", meant)
	}
	r.wrong(CodeBadValue, Pos{n.Line, n.Column}, entry, fmt.Sprintf("%s is no %s", shown(n), what), remedy)
	return ""
}

func (r *reader) date(n *tree.Node, entry string) time.Time {
	if n.Kind != tree.String {
		r.wrong(CodeBadValue, Pos{n.Line, n.Column}, entry, fmt.Sprintf("%s is no day", shown(n)), dayForm)
		return time.Time{}
	}
	return r.day(n.Text, Pos{n.Line, n.Column}, entry)
}

const dayForm = "write it as 2026-01-31"

func (r *reader) day(text string, at Pos, entry string) time.Time {
	day, err := time.Parse(time.DateOnly, text)
	if err != nil {
		r.wrong(CodeBadValue, at, entry, fmt.Sprintf("%q is no day", text), dayForm)
	}
	return day
}

func (r *reader) versions(n *tree.Node) VersionRange {
	v, err := ParseVersionRange(n.Text)
	if n.Kind != tree.String || err != nil {
		r.wrong(CodeBadValue, Pos{n.Line, n.Column}, "", fmt.Sprintf("%s is no range of SDK versions", shown(n)), `write it in quotes, such as ">=2.5.1 <3.4.0"`)
		return VersionRange{}
	}
	return v
}

// textPos is where the text of a scalar begins.
func textPos(n *tree.Node) Pos {
	if n.Quoted {
		return Pos{n.Line, n.Column + 1}
	}
	return Pos{n.Line, n.Column}
}

// shown is a value as an error quotes it.
func shown(n *tree.Node) string {
	switch n.Kind {
	case tree.List, tree.Map, tree.Null:
		return n.Kind.String()
	}
	return fmt.Sprintf("%q", n.Text)
}

// count is "1 row", "2 rows".
func count[N int | uint64](n N, one string, many ...string) string {
	switch {
	case n == 1:
		return "1 " + one
	case len(many) > 0:
		return fmt.Sprintf("%d %s", n, many[0])
	}
	return fmt.Sprintf("%d %ss", n, one)
}
