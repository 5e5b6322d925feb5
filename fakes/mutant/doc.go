// Package mutant is SDKs and servers that each break one rule of the requirements, to prove that the suite notices.
//
// A mutant is the reference SDK, or a real server, with one of its seams changed: the SDK's route, the decision
// table of its four methods, its network, or what passes over the contract's line; a server's accounts, its
// network, or what goes around its HTTP handler. None is made by a condition inside of what it breaks. All has them
// by name; New makes the SDK of one, Ground what its servers are made of.
package mutant
