// Package selection answers which cases a run is about. Give Select the embedded suite, the paths and
// the tag expression of the command line, and take a list of Cases in a fixed order.
//
// It owns the reading of Gherkin, the identity of a case, and every message about a feature file, a
// path or a tag that is wrong. Its invariants: a case's ID depends on nothing but its own place and
// words; what can't be read, found or matched is an error, never a smaller selection; every Case
// carries the source that yields exactly it. It never runs anything and never judges.
package selection
