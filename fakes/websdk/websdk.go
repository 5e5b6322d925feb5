// Package websdk has the reference Web SDK: modules of JavaScript that define the global AgoraRTC, for a real browser.
//
// It is what fakes/sdk is for Go: written to the requirements, without a build step, over the browser's own fetch,
// WebSocket and RTCPeerConnection. It knows neither the suite nor who drives it. agora.mjs is where to begin reading.
package websdk

import "embed"

//go:embed *.mjs mutant/*.mjs
var modules embed.FS

// Main is the module that defines AgoraRTC.
const Main = "agora.mjs"

// Files are what a page loads: Main, joined with what it imports, and the mutants.
var Files = joined{modules, join(modules, Main)}
