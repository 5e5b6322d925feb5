// Package variant looks for the nearest variant of a failed case that passes: "passes with TCP 3433 to relay-1 open".
// Whoever reads a failure learns from it what has to do with it, and what hasn't.
//
// Explain is for a run that is over. A variant is either another case of that run, from the same file, whose steps
// differ in few words, such as another row of an outline; or the failed case itself, run again from its seed with
// something open that the office's firewall had stopped. Nothing is said that was not run, variants that fail are
// kept too, and what is run depends on the run alone: the same run has the same variants.
package variant
