package reports

import (
	"embed"
	"html/template"
	"io"
	"strings"

	"github.com/proxyspec/proxyspec/conformance/result"
)

//go:embed page/*
var pageFiles embed.FS

// pages are the templates of all pages, which share what they call: style sheets and scripts are templates too, so
// that hundreds of pages are written without a copy of them.
var pages = template.Must(template.New("").Funcs(template.FuncMap{
	"class":   class,
	"mark":    symbol,
	"shown":   shown,
	"span":    span,
	"clock":   clock,
	"size":    size,
	"nearest": nearestWords,
	"vain":    vainWords,
	"short":   short,
	"like":    outcomeLike,
	"by":      by,
	"fateOf":  fateMark,
}).ParseFS(pageFiles, "page/*"))

// HTML writes index.html: one page that needs no network and no other file, for people. With a judged mutation run it
// shows the matrix of who killed whom too; nil leaves it out.
func HTML(w io.Writer, run *result.Run, m *result.Mutation) error {
	p, err := pageOf(run)
	if err != nil {
		return err
	}
	if m != nil {
		p.Matrix = matrixBeside(run, m)
	}
	return pages.ExecuteTemplate(w, "index.html", p)
}

// class is an outcome as a CSS class: "known-failure".
func class(o result.Outcome) string { return strings.ReplaceAll(string(shown(o)), " ", "-") }

// symbol is an outcome in one letter, beside its name or its colour.
func symbol(o result.Outcome) string {
	switch shown(o) {
	case result.Pass:
		return "✓"
	case result.Fail, result.KnownFailure:
		return "✕"
	case result.HarnessFault, result.Undefined, result.UnexpectedPass:
		return "!"
	case result.NotJudged:
		return "?"
	case result.Uncovered:
		return "○"
	}
	return "–"
}
