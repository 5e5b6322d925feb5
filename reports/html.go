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

// pageFuncs are what every page's template may use.
var pageFuncs = template.FuncMap{
	"class":   class,
	"mark":    symbol,
	"shown":   shown,
	"span":    span,
	"clock":   clock,
	"size":    size,
	"nearest": nearestWords,
	"vain":    vainWords,
	"style":   func() template.CSS { return template.CSS(pageFile("style.css")) },
	"script":  func() template.JS { return template.JS(pageFile("script.js")) },
}

var pageTemplate = template.Must(template.New("index.html").Funcs(pageFuncs).ParseFS(pageFiles, "page/index.html"))

// HTML writes index.html: one page that needs no network and no other file, for people.
func HTML(w io.Writer, run *result.Run) error {
	p, err := pageOf(run)
	if err != nil {
		return err
	}
	return pageTemplate.Execute(w, p)
}

func pageFile(name string) string {
	text, err := pageFiles.ReadFile("page/" + name)
	if err != nil {
		panic(err) // it is embedded: a mistake in this file
	}
	return string(text)
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
