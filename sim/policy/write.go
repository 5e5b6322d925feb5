package policy

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
)

// The file as it is written. An entry's ports are a list of groups.
type (
	fileJSON struct {
		ID      string      `json:"id"`
		Vendor  string      `json:"vendor,omitempty"`
		Source  string      `json:"source,omitempty"`
		AsOf    string      `json:"as-of,omitempty"`
		Stage   Stage       `json:"stage,omitempty"`
		Region  string      `json:"region,omitempty"`
		Mode    string      `json:"mode,omitempty"`
		SDK     string      `json:"sdk,omitempty"`
		Entries []entryJSON `json:"entries"`
	}
	entryJSON struct {
		ID           string   `json:"id"`
		Protocols    []string `json:"protocols"`
		Destinations []string `json:"destinations"`
		Ports        []string `json:"ports"`
		Purpose      any      `json:"purpose,omitempty"` // a text, or one for each group of ports
		Level        Level    `json:"level"`
		SupersededBy string   `json:"superseded-by,omitempty"`
		AsOf         string   `json:"as-of,omitempty"`
	}
)

func (p *Policy) plain() fileJSON {
	f := fileJSON{
		ID: p.ID, Vendor: p.Vendor, Source: p.Source, AsOf: day(p), Stage: p.Stage, Region: p.Region, Mode: p.Mode,
		SDK: p.SDK.String(), Entries: make([]entryJSON, 0, len(p.Entries)),
	}
	for i := range p.Entries {
		e := &p.Entries[i]
		j := entryJSON{ID: e.ID, Ports: e.groupTexts(), Level: e.Level, SupersededBy: e.SupersededBy}
		for _, proto := range e.Protocols {
			j.Protocols = append(j.Protocols, proto.String())
		}
		for _, d := range e.Destinations {
			j.Destinations = append(j.Destinations, d.String())
		}
		if purposes := e.purposeTexts(); len(purposes) > 1 {
			j.Purpose = purposes
		} else if purposes[0] != "" {
			j.Purpose = purposes[0]
		}
		if !e.AsOf.IsZero() {
			j.AsOf = e.AsOf.Format(time.DateOnly)
		}
		f.Entries = append(f.Entries, j)
	}
	return f
}

// groupTexts is the entry's ports, a text for each group: "443, 4000", "3433-3460"; or "any".
func (e *Entry) groupTexts() (out []string) {
	for _, g := range e.Ports {
		parts := make([]string, len(g.Ranges))
		for i, r := range g.Ranges {
			parts[i] = r.String()
		}
		out = append(out, strings.Join(parts, ", "))
	}
	if len(out) == 0 {
		return []string{"any"}
	}
	return out
}

// purposeTexts is the entry's purpose, or those of its groups.
func (e *Entry) purposeTexts() (out []string) {
	if !slices.ContainsFunc(e.Ports, func(g PortGroup) bool { return g.Purpose != "" }) {
		return []string{e.Purpose}
	}
	for _, g := range e.Ports {
		out = append(out, g.Purpose)
	}
	return out
}

func (p *Policy) json() (string, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false) // ">=2.5.1" is for people to read
	enc.SetIndent("", "  ")
	err := enc.Encode(p.plain())
	return b.String(), err
}

// csv has a line for each row; groups of ports are lines of their cell.
func (p *Policy) csv() string {
	var b strings.Builder
	w := csv.NewWriter(&b)
	rows := [][]string{{"id", "protocols", "destinations", "ports", "purpose", "level", "superseded-by", "as-of"}}
	for i, j := range p.plain().Entries {
		rows = append(rows, []string{
			j.ID, strings.Join(j.Protocols, "/"), strings.Join(j.Destinations, ", "), strings.Join(j.Ports, "\n"),
			strings.Join(p.Entries[i].purposeTexts(), "\n"), string(j.Level), j.SupersededBy, j.AsOf,
		})
	}
	_ = w.WriteAll(rows) // a strings.Builder takes everything
	return b.String()
}

// yaml is the form of the files that come with the program.
func (p *Policy) yaml() string {
	f := p.plain()
	var b strings.Builder
	for _, field := range []struct{ key, value string }{
		{"id", f.ID}, {"vendor", f.Vendor}, {"source", f.Source}, {"as-of", f.AsOf}, {"stage", string(f.Stage)},
		{"region", f.Region}, {"mode", f.Mode}, {"sdk", f.SDK},
	} {
		if field.value != "" {
			fmt.Fprintf(&b, "%s: %s\n", field.key, scalar(field.value, true))
		}
	}
	b.WriteString("\nentries:\n")
	if len(f.Entries) == 0 {
		return strings.TrimSuffix(b.String(), "\n") + " []\n"
	}
	for i, j := range f.Entries {
		fmt.Fprintf(&b, "  - id: %s\n    protocols: %s\n    destinations: %s\n    ports: %s\n", scalar(j.ID, true), flow(j.Protocols, scalar), flow(j.Destinations, scalar), flow(j.Ports, portScalar))
		if purposes := p.Entries[i].purposeTexts(); len(purposes) > 1 || purposes[0] != "" {
			fmt.Fprintf(&b, "    purpose: %s\n", flow(purposes, scalar))
		}
		if j.Level != Required {
			fmt.Fprintf(&b, "    level: %s\n", j.Level)
		}
		if j.SupersededBy != "" {
			fmt.Fprintf(&b, "    superseded-by: %s\n", scalar(j.SupersededBy, true))
		}
		if j.AsOf != "" {
			fmt.Fprintf(&b, "    as-of: %s\n", j.AsOf)
		}
	}
	return b.String()
}

// flow is one value, or a list in brackets.
func flow(values []string, write func(text string, alone bool) string) string {
	if len(values) == 1 {
		return write(values[0], true)
	}
	parts := make([]string, len(values))
	for i, v := range values {
		parts[i] = write(v, false)
	}
	return "[" + strings.Join(parts, ", ") + "]"
}

// bare is text that means itself in YAML without quotes, but for numbers and a few words.
var (
	bare     = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9 ./-]*[A-Za-z0-9./-])?$`)
	numeric  = regexp.MustCompile(`^[0-9]*\.?[0-9]*([eE][-+]?[0-9]+)?$|^0[xob]`)
	yamlWord = regexp.MustCompile(`(?i)^(true|false|yes|no|on|off|y|n|null|inf|nan)$`)
)

// scalar is a text.
func scalar(text string, _ bool) string {
	if bare.MatchString(text) && !numeric.MatchString(text) && !yamlWord.MatchString(text) {
		return text
	}
	var b strings.Builder
	enc := json.NewEncoder(&b) // a JSON string is a YAML string
	enc.SetEscapeHTML(false)
	_ = enc.Encode(text) // a text always has one
	return strings.TrimSuffix(b.String(), "\n")
}

// portScalar is ports, which may be a number. Outside of brackets a comma means nothing.
func portScalar(text string, alone bool) string {
	if alone || !strings.Contains(text, ",") {
		return text
	}
	return scalar(text, alone)
}
