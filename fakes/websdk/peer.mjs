// Media: a publication or a subscription is a peer connection with SD-RTN, kept up until the session ends.

import { AgoraRTCError, Code, left } from './errors.mjs'
import { sleep, unless, within } from './wait.mjs'

const mediaLimit = 30000
const pauses = [0, 2000, 4000]

export class Media {
  #session
  #name
  #request
  #undo
  #setUp
  #peer = null
  #on = null // the message connection on which it asked for what it has, or is about to; null: it has nothing
  #running = false
  #busy = false // connecting anew

  // request begins it at SD-RTN and undo ends it there, both without an id; setUp puts the tracks into a peer connection.
  constructor(session, { name, request, undo, setUp }) {
    this.#session = session
    this.#name = name
    this.#request = request
    this.#undo = undo
    this.#setUp = setUp
  }

  // start resolves when media can flow, and keeps it flowing from then on.
  async start() {
    await this.#connect()
    this.#running = true
    this.renew()
  }

  // renew connects anew if SD-RTN no longer knows of what it has: that was asked for on an earlier message connection, or
  // was withdrawn. Who subscribes early hears of what is there only then, and has it already.
  renew() {
    if (this.#session.channel && this.#on !== this.#session.channel) this.restart()
  }

  // withdrawn takes note that what it receives is no more.
  withdrawn() { this.#on = null }

  // restart connects anew, on a new message connection or after a failure.
  async restart() {
    if (!this.#running || this.#busy) return
    this.#busy = true
    const connected = await this.#connectAnew()
    this.#busy = false
    if (connected) this.renew() // what changed meanwhile
  }

  async #connectAnew() {
    let last
    try {
      for (const pause of pauses) {
        await sleep(pause, this.#session.life)
        this.#close()
        try {
          await this.#connect()
          return true
        } catch (e) {
          last = e
          if (!this.#session.channel || e.code === 'not-published') return false // the next connection, or announcement, comes back here
        }
      }
      this.#session.tell('error', { reason: `${this.#name} has stopped: ${last.message}` })
    } catch {
      // the session ended
    }
    return false
  }

  stop() {
    this.#running = false
    this.#close()
  }

  #close() {
    if (!this.#peer) return
    this.#peer.onconnectionstatechange = null
    this.#peer.close()
    this.#peer = null
  }

  async #connect() {
    const session = this.#session
    const late = new AgoraRTCError(Code.MEDIA, `${this.#name} did not begin within ${mediaLimit / 1000} s`)
    const { signal, done } = within(mediaLimit, session.life, late)
    let accepted = false
    this.#on = session.channel
    try {
      const { iceServers, relayOnly } = session.route
      const peer = new RTCPeerConnection({ iceServers, iceTransportPolicy: relayOnly ? 'relay' : 'all', bundlePolicy: 'max-bundle' })
      this.#peer = peer
      const up = new Promise((resolve, reject) => {
        peer.onconnectionstatechange = () => {
          if (peer.connectionState === 'connected') resolve()
          if (peer.connectionState === 'failed') reject(new AgoraRTCError(Code.MEDIA, `no way for media to SD-RTN works: tried ${ways(session.route)}`))
        }
      })
      up.catch(() => {})
      this.#setUp(peer)
      await peer.setLocalDescription() // names no candidates: SD-RTN needs none
      const { sdp } = await session.request({ ...this.#request, sdp: peer.localDescription.sdp }, signal)
      accepted = true
      await peer.setRemoteDescription({ type: 'answer', sdp })
      await unless(signal, up)
      peer.onconnectionstatechange = () => {
        if (peer.connectionState !== 'failed') return
        this.#forget().finally(() => this.restart())
      }
    } catch (e) {
      this.#on = null
      this.#close()
      if (accepted) await this.#forget()
      throw session.life.aborted ? session.life.reason ?? left() : e
    } finally {
      done()
    }
  }

  // forget tells SD-RTN that the old connection is no more. It may know.
  async #forget() {
    await this.#session.request(this.#undo, this.#session.life).catch(() => {})
  }
}

// ways is what media may go through, in words.
function ways({ iceServers, relayOnly }) {
  return [...iceServers.flatMap(({ urls }) => urls), ...(relayOnly ? [] : ['the direct way'])].join(', ')
}
