// Package steps is the vocabulary of the suite: each step acts on the world of its scenario, or judges
// the world's timeline.
//
// A file has the steps of one noun. Steps that act record what came of it and judge nothing, so that a
// scenario may expect failure; steps that judge look at the timeline and at what calls returned, never
// into an SDK. What an SDK's errors say is its own affair: only that there is one counts.
package steps
