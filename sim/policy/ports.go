package policy

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/proxyspec/proxyspec/sim/firewall"
)

// ParsePorts reads the ports of a table's cell: "443, 4000" over "3433 - 3460" is 30 ports in three ranges. Commas,
// semicolons, spaces and line breaks stand between ranges, a dash of any kind within one, and "any" is every
// port. Each line is a group of its own, for the purpose that stands beside it in the table.
func ParsePorts(cell string) ([]PortGroup, error) {
	groups, err := parsePorts(cell, Pos{1, 1})
	if err != nil {
		return nil, fmt.Errorf("ports %q, line %d, column %d: %w", cell, err.at.Line, err.at.Column, err.err)
	}
	return groups, nil
}

// portError is a mistake in the text of ports, and where.
type portError struct {
	at  Pos
	err error
}

var errNoPorts = errors.New(`no ports: write ports and ranges such as "443, 4000, 3433-3460", or "any"`)

// parsePorts reads a cell that begins at a place; its further lines begin where the first does. No group means
// any port.
func parsePorts(cell string, at Pos) ([]PortGroup, *portError) {
	if strings.EqualFold(strings.TrimSpace(cell), "any") {
		return nil, nil
	}
	var groups []PortGroup
	for i, line := range strings.Split(cell, "\n") {
		ranges, err := parseLine(line, Pos{at.Line + i, at.Column})
		if err != nil {
			return nil, err
		}
		if len(ranges) > 0 {
			groups = append(groups, PortGroup{Ranges: ranges})
		}
	}
	if len(groups) == 0 {
		return nil, &portError{at, errNoPorts}
	}
	return groups, nil
}

// parseLine reads the ranges of one line.
func parseLine(line string, at Pos) (ranges []Range, err *portError) {
	s := portScanner{rest: line, at: at}
	for {
		if s.skip(" \t\r\u00a0,;"); s.rest == "" {
			return ranges, nil
		}
		r := Range{At: s.at}
		var e *portError
		if r.First, e = s.port(); e != nil {
			return nil, e
		}
		r.Last = r.First
		mark := s
		if s.skip(" \t\u00a0"); s.dash() {
			s.skip(" \t\u00a0")
			if r.Last, e = s.port(); e != nil {
				return nil, e
			}
		} else {
			s = mark
		}
		if r.Last < r.First {
			return nil, &portError{r.At, fmt.Errorf("the range %v is %w; write %v",
				r.PortRange, errReversed, firewall.PortRange{First: r.Last, Last: r.First})}
		}
		ranges = append(ranges, r)
	}
}

// portScanner walks a line and knows where it is.
type portScanner struct {
	rest string
	at   Pos
}

func (s *portScanner) advance(bytes int) {
	s.at.Column += utf8.RuneCountInString(s.rest[:bytes])
	s.rest = s.rest[bytes:]
}

func (s *portScanner) skip(set string) {
	s.advance(len(s.rest) - len(strings.TrimLeft(s.rest, set)))
}

func (s *portScanner) dash() bool {
	r, size := utf8.DecodeRuneInString(s.rest)
	if size == 0 || plainDash(r) != '-' {
		return false
	}
	s.advance(size)
	return true
}

// port reads a number from 1 to 65535; port 0 is reserved (RFC 6335, section 6), and no service has it.
func (s *portScanner) port() (uint16, *portError) {
	digits := len(s.rest) - len(strings.TrimLeft(s.rest, "0123456789"))
	word := s.rest
	if i := strings.IndexFunc(word, func(r rune) bool { return unicode.IsSpace(r) || r == ',' || r == ';' }); i >= 0 {
		word = word[:i]
	}
	n, err := strconv.ParseUint(s.rest[:digits], 10, 16)
	switch {
	case digits == 0 && word == "":
		return 0, &portError{s.at, errors.New("a port is missing here")}
	case digits == 0:
		return 0, &portError{s.at, fmt.Errorf("%q is no port: ports are 1 to 65535, or \"any\"", word)}
	case err != nil || n == 0:
		return 0, &portError{s.at, fmt.Errorf("%s is no port: ports are 1 to 65535", s.rest[:digits])}
	}
	s.advance(digits)
	return uint16(n), nil
}
