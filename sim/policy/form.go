package policy

import (
	"bytes"
	"path"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/proxyspec/proxyspec/text/tree"
)

// form is how a policy can be written down.
type form uint8

const (
	formYAML form = iota
	formJSON
	formCSV
	formTable
)

// Parse reads a policy from YAML, JSON, CSV or a pasted table, and tells them apart by the file's name or else by
// what it looks like. The error names every mistake in the file's form, one a line, with its place. What Parse
// left out of a table is in the policy's notes.
func Parse(name string, source []byte) (*Policy, error) {
	p, found := read(name, source)
	if err := found.Err(); err != nil {
		return nil, err
	}
	return p, nil
}

// read reads as much of a policy as can be read, and finds what is wrong with its form.
func read(name string, source []byte) (*Policy, Findings) {
	r := reader{policy: &Policy{File: name, at: make(map[string]Pos)}}
	source = bytes.TrimPrefix(source, []byte("\ufeff"))
	if !utf8.Valid(source) {
		r.wrong(CodeSyntax, invalidAt(source), "", "the file is not text in UTF-8", "save it as UTF-8")
		return r.policy, r.found
	}
	switch formOf(name, source) {
	case formJSON:
		r.readTree(tree.JSON, source)
	case formCSV:
		r.readCSV(string(source))
	case formTable:
		r.readTable(string(source))
	default:
		r.readTree(tree.YAML, source)
	}
	r.found.sort()
	return r.policy, r.found
}

func invalidAt(source []byte) Pos {
	at := Pos{1, 1}
	for len(source) > 0 {
		c, size := utf8.DecodeRune(source)
		switch {
		case c == utf8.RuneError && size == 1:
			return at
		case c == '\n':
			at = Pos{at.Line + 1, 1}
		default:
			at.Column++
		}
		source = source[size:]
	}
	return at
}

// rowStart is how a row of a pasted table begins.
var rowStart = regexp.MustCompile(`(?im)^\s*(tcp|udp)(\s*[/&,+]\s*(tcp|udp))?[\s\p{Zs}]`)

func formOf(name string, source []byte) form {
	switch strings.ToLower(path.Ext(name)) {
	case ".yaml", ".yml":
		return formYAML
	case ".json":
		return formJSON
	case ".csv", ".tsv":
		return formCSV
	}
	first, _, _ := bytes.Cut(bytes.TrimLeft(source, " \t\r\n"), []byte("\n"))
	head := strings.ToLower(string(first))
	switch {
	case strings.HasPrefix(head, "{"):
		return formJSON
	case strings.ContainsAny(head, ",;") && strings.Contains(head, "protocol") && strings.Contains(head, "port"):
		return formCSV
	case rowStart.Match(source):
		return formTable
	case strings.EqualFold(path.Ext(name), ".txt"):
		return formTable
	}
	return formYAML
}

// nameOf makes an ID of a file's name, for forms that have no place for one.
func nameOf(file string) string {
	base := strings.TrimSuffix(path.Base(strings.ReplaceAll(file, `\`, "/")), path.Ext(file))
	id := strings.Trim(regexp.MustCompile(`[^A-Za-z0-9._-]+`).ReplaceAllString(base, "-"), ".-_")
	if id = id[:min(len(id), 64)]; badName(id) != "" {
		return "table"
	}
	return id
}
