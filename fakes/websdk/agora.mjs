// The reference Web SDK: a sound AgoraRTC, as the document's samples use it, over the browser's own fetch, WebSocket and
// RTCPeerConnection. It defines the global AgoraRTC.
//
// A vendor builds the addresses of its services into its script. This one takes them from the global proxyspecEndpoints,
// { lookup: [URL], gateways: [URL] }, which may be filled in later.

import { Client } from './client.mjs'
import { LocalStream } from './stream.mjs'

const VERSION = '3.0.0'
const endpoints = globalThis.proxyspecEndpoints

globalThis.AgoraRTC = {
  VERSION,
  createClient: (config = {}) => new Client(config, endpoints, VERSION),
  createStream: (spec) => new LocalStream(spec),
  checkSystemRequirements: () => 'RTCPeerConnection' in globalThis && 'WebSocket' in globalThis,
}
