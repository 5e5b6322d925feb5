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

// pages are the templates of all pages, which share what they call.
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
	"style":   func(name string) template.CSS { return template.CSS(pageFile(name)) },
	"script":  func(name string) template.JS { return template.JS(pageFile(name)) },
}).ParseFS(pageFiles, "page/*.html"))

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

// pageTexts are the files of pages by name, read once: a run writes hundreds of pages, with 50 kB of them in each.
var pageTexts = func() map[string]string {
	entries, err := pageFiles.ReadDir("page")
	if err != nil {
		panic(err) // they are embedded: a mistake in this file
	}
	texts := make(map[string]string)
	for _, e := range entries {
		text, err := pageFiles.ReadFile("page/" + e.Name())
		if err != nil {
			panic(err)
		}
		texts[e.Name()] = string(text)
	}
	return texts
}()

func pageFile(name string) string {
	text, known := pageTexts[name]
	if !known {
		panic("there is no page/" + name)
	}
	return text
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
