// Package reports writes what a run found, for the people and programs that ask: index.html for QA in the
// morning, a page for each case, conformance.json for programs, junit.xml, summary.md and annotations for CI, Cucumber
// Messages and their view, a badge, a summary for the terminal.
//
// Judge a result.Run first (result.Judge), then Write it into a folder or call one writer.
//
// The package owns how a run is put into words and pictures. Each writer is a pure function of the Run: the same
// Run gives the same bytes, without a clock, an environment or a network; index.html is one of the Run and of the
// mutation run that lies beside it. Every requirement and every case is
// shown, whatever its outcome; nothing is left out because it is uncomfortable, and what is cut short says so. A
// writer never judges: outcomes, verdict and exit code are result's.
package reports
