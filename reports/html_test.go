package reports_test

import (
	"bytes"
	"compress/flate"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"fmt"
	"html"
	"html/template"
	"io"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/conformance/result"
	"github.com/proxyspec/proxyspec/reports"
)

func pageOf(t *testing.T, run *result.Run) string {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, reports.HTML(&b, run, nil))
	return b.String()
}

func submatches(pattern, text string) (list []string) {
	for _, m := range regexp.MustCompile(pattern).FindAllStringSubmatch(text, -1) {
		list = append(list, html.UnescapeString(m[1]))
	}
	return list
}

func TestPageNeedsNothingElse(t *testing.T) {
	page := pageOf(t, sample())
	for _, outside := range []string{"http:", "https:", "src=", "url(", "@import", "<link", "fetch("} {
		require.False(t, strings.Contains(page, outside), outside)
	}
}

func TestPageShowsEverything(t *testing.T) {
	run := sample()
	page := strings.ReplaceAll(pageOf(t, run), "&#43;", "+") // which html/template escapes, and its function doesn't
	contains := func(what string) { require.True(t, strings.Contains(page, what), what) }
	for _, r := range run.Requirements {
		contains(`id="req-` + r.ID + `"`)
		contains(template.HTMLEscapeString(r.Statement))
	}
	for _, c := range run.Cases {
		contains(`id="case-` + c.ID + `"`)
		contains(`href="` + c.Evidence.Capture + `"`)
	}
	contains("&lt;with &amp; without loss&gt;")
}

func TestPageLinksLeadSomewhere(t *testing.T) {
	page := pageOf(t, sample())
	seen := make(map[string]bool)
	for _, id := range submatches(`\sid="([^"]+)"`, page) {
		require.False(t, seen[id], "id %s occurs twice", id)
		seen[id] = true
	}
	links := submatches(`href="#([^"]+)"`, page)
	require.NotEmpty(t, links)
	for _, link := range links {
		id, err := url.PathUnescape(link)
		require.NoError(t, err)
		require.True(t, seen[id], "a link to #%s", id)
	}
}

func TestLaddersAreDrawn(t *testing.T) {
	page := pageOf(t, sample())
	drawn := submatches(`(?s)(<svg.*?</svg>)`, page)
	require.Len(t, drawn, 1, "that of the failure")
	wellFormed(t, drawn[0])
	require.Contains(t, drawn[0], "UDP 3478 × 4, to relay-1: dropped by rule default")

	packed := submatches(`data-packed="([^"]+)"`, page)
	require.Len(t, packed, 1, "that of the pass")
	deflated, err := base64.StdEncoding.DecodeString(packed[0])
	require.NoError(t, err)
	svg, err := io.ReadAll(flate.NewReader(bytes.NewReader(deflated)))
	require.NoError(t, err)
	wellFormed(t, string(svg))
	require.Contains(t, string(svg), "UDP 3478 × 40")
}

func wellFormed(t *testing.T, text string) {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(text))
	d.Entity = xml.HTMLEntity
	for {
		_, err := d.Token()
		if errors.Is(err, io.EOF) {
			return
		}
		require.NoError(t, err)
	}
}

func TestPageWithAThousandCasesStaysSmall(t *testing.T) {
	base := sample().Cases
	var cases []result.Case
	for i := range 1000 {
		c := base[0]
		if i%50 == 0 {
			c = base[1]
		}
		c.ID = fmt.Sprintf("big/case-%04d", i)
		c.Path = fmt.Sprintf("features/big/%02d.feature", i/25)
		cases = append(cases, c)
	}
	page := pageOf(t, judged(cases))
	require.Less(t, len(page), 8<<20)
	require.Equal(t, 20, strings.Count(page, "<svg"))
	require.Equal(t, 980, strings.Count(page, "data-packed="))
}

// many is a run of so many cases with pages of their own, one of fifty of which failed.
func many(n int) *result.Run {
	base := sample().Cases
	cases := make([]result.Case, 0, n)
	for i := range n {
		c := base[0]
		if i%50 == 0 {
			c = base[1]
		}
		c.ID = fmt.Sprintf("big/case-%04d", i)
		c.Path = fmt.Sprintf("features/big/%02d.feature", i/25)
		c.Evidence = result.EvidenceOf(c.ID)
		c.Evidence.Page = "evidence/" + c.ID + "/index.html"
		cases = append(cases, c)
	}
	return judged(cases)
}

func TestPageWithFiveThousandCasesStaysSmall(t *testing.T) {
	require.Less(t, len(pageOf(t, many(5000))), 10<<20)
}

// BenchmarkFiveThousandCases writes every report of a large run.
func BenchmarkFiveThousandCases(b *testing.B) {
	run := many(5000)
	dir := b.TempDir()
	for b.Loop() {
		if err := reports.Write(dir, run); err != nil {
			b.Fatal(err)
		}
	}
}

func TestEmptyRun(t *testing.T) {
	page := pageOf(t, judged(nil))
	require.Contains(t, page, "No scenario ran.")
	require.NotEmpty(t, pageOf(t, &result.Run{}))
	require.NoError(t, reports.JUnit(io.Discard, &result.Run{}))
	require.NoError(t, reports.Summary(io.Discard, &result.Run{}, reports.Terminal{}))
}
