// Package stranger is a second opinion of the suite: an SDK for tests that owes nothing to the reference SDK. It is
// written from the document, the requirements and the wire contracts of packages relay, sdrtn and contract alone,
// and shares no code and no structure with fakes/sdk, so that what only the reference does is not mistaken for a rule.
//
// Each client is one goroutine that owns all of its state and runs callbacks from a mailbox; whatever waits does so in
// a goroutine that posts its outcome there. An SDK has twists (Twists): liberties that the rules leave open, with which
// it must still pass, and faults, with each of which a scenario of the requirement that it breaks must fail.
//
// Only tests import it. It never looks at the world that it runs in but through its transport.Net.
package stranger
