// Package browser has a Web SDK in a real Chromium under test: any script that defines a global AgoraRTC.
//
// Find finds Chromium, Start starts one, and each scenario opens a Page of its own in it: a fresh browser context,
// made while the scenario before waits for something. In it the page adapter (adapter.js) turns the frames of the SDK
// contract into calls on AgoraRTC and back. A Page is the line to an adapter, as a pipe to a program is: give it to
// contract.NewClient. The page itself is served by a Site, on whatever host of the lab the caller chooses.
//
// What the page writes to its console, what it requests, and every RTCPeerConnection that it makes come as log
// notifications of the contract. A page that crashes, or a browser that ends, ends the line with an error that says so.
// The package starts Chromium by a command that the caller prepares, in a namespace for instance, and never lets it
// outlive Close.
package browser
