// A subscription at the announcements that SD-RTN makes, with a stand-in for the browser's peer connection.

import assert from 'node:assert/strict'
import { Media } from '../peer.mjs'

let peers = 0
let connects = () => {} // what happens while the peer connection connects
globalThis.RTCPeerConnection = class {
  connectionState = 'new'
  localDescription = { sdp: 'offer' }
  constructor() { peers++ }
  async setLocalDescription() {}
  async setRemoteDescription() {
    connects()
    this.connectionState = 'connected'
    this.onconnectionstatechange()
  }
  close() {}
}

const [first, second] = [{}, {}]
async function answer() { return { sdp: 'answer' } }
async function refuse() { throw Object.assign(new Error('bob publishes nothing'), { code: 'not-published' }) }
const session = {
  life: new AbortController().signal,
  route: { iceServers: [], relayOnly: true },
  channel: first,
  request: answer,
  tell: (event, { reason }) => assert.fail(reason),
}
const bob = new Media(session, { name: 'the subscription to bob', request: {}, undo: {}, setUp() {} })
const settled = () => new Promise((resolve) => setTimeout(resolve, 50))

// made tells how many peer connections it made because of what happens.
async function made(happens) {
  const before = peers
  await happens()
  await settled()
  return peers - before
}
const republished = () => { bob.withdrawn(); bob.renew() }
const once = (f) => { connects = () => { connects = () => {}; f() } }

once(republished)
assert.equal(await made(() => bob.start()), 2, 'published anew while it began')
assert.equal(await made(() => bob.renew()), 0, 'announced what it has')
assert.equal(await made(republished), 1, 'published anew')
once(republished)
assert.equal(await made(republished), 2, 'published anew, and again while it connected')
session.request = refuse
assert.equal(await made(republished), 1, 'gone again before it was asked for')
session.request = answer
assert.equal(await made(() => bob.renew()), 1, 'announced after a refusal')
session.channel = null
assert.equal(await made(() => bob.renew()), 0, 'no message connection')
session.channel = second
assert.equal(await made(() => bob.renew()), 1, 'announced on another message connection')
assert.equal(await made(() => bob.renew()), 0, 'announced what it has')
