// Package mutant is SDKs that each break one rule of the requirements, to prove that the suite notices.
//
// A mutant is the reference SDK with one of its seams changed: the route that it takes, the decision table
// of its four methods, its network, or what passes over the contract's line. None is made by a condition
// inside the reference. All has them by name; New makes one.
package mutant
