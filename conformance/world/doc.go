// Package world is the ground of one scenario: an enterprise behind its firewall, the internet with the
// cloud proxy and SD-RTN, and the users with their SDKs. It owns what exists, who is where, and what is
// recorded of it.
//
// A World is made and used inside one bubble of virtual time, or, if the SDK under test is a program with a kernel of
// its own, in real time. Steps set it up before they use it; the
// first use brings it up. Everything that anyone sees or does goes to its Timeline, and steps judge
// nothing else: no field of a World tells what an SDK did.
package world
