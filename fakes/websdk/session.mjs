// A session is one stay in a channel, from join() until nothing of it is left.

import { AgoraRTCError, Code, left } from './errors.mjs'
import { Channel } from './channel.mjs'
import { Media } from './peer.mjs'
import { findRoute } from './route.mjs'
import { sleep, within } from './wait.mjs'

const joinLimit = 45000
const reconnectLimit = 55000
const messagesLimit = 5000 // for one message URL: TCP, TLS, WebSocket and join
const leaveLimit = 2000
const reconnectPauses = [1000, 2000, 4000, 8000]

// The errors that another attempt may not meet again. SD-RTN may not have noticed yet that the old connection is lost.
const passing = new Set([Code.LOOKUP, Code.MESSAGES, Code.TIMEOUT, Code.NOT_CONNECTED, 'uid-in-use'])

export class Session {
  channel = null
  route = null
  #ended = new AbortController()
  #join // appId, sdkVersion, channel, channelKey, uid
  #setting
  #endpoints
  #tell
  #resume
  #lastSeq = 0
  #media = new Map() // by name: 'publish', or the uid that is subscribed to

  // tell hears what happens: tell(event, {...}).
  constructor({ join, setting, endpoints, tell }) {
    this.#join = join
    this.#setting = setting
    this.#endpoints = endpoints
    this.#tell = tell
  }

  get life() { return this.#ended.signal }

  // run joins, and then stays until leave() or until the connection can't be had back. joined hears how the join went.
  async run(joined) {
    let reason = ''
    try {
      const { signal, done } = within(joinLimit, this.life, new AgoraRTCError(Code.TIMEOUT, `join did not end within ${joinLimit / 1000} s`))
      this.#state('CONNECTING')
      try {
        await this.#connect(signal)
      } catch (e) {
        reason = e.message
        return joined(e)
      } finally {
        done()
      }
      this.#state('CONNECTED')
      joined(null, this.#join.uid)
      await this.#stay()
      this.#state('DISCONNECTING')
    } catch (e) {
      reason = e.message
    } finally {
      await this.#tearDown()
      this.#state('DISCONNECTED', reason)
    }
  }

  // leave ends the session from this moment on.
  leave() { this.#ended.abort(left()) }

  request(frame, signal) {
    if (!this.channel) return Promise.reject(new AgoraRTCError(Code.NOT_CONNECTED, 'the connection to SD-RTN is lost'))
    return this.channel.request(frame, signal)
  }

  async send(text) { await this.request({ type: 'message', text }, this.life) }

  publish({ audio, video }, setUp) {
    return this.#begin('publish', {
      name: 'publishing', request: { type: 'publish', audio, video }, undo: { type: 'unpublish' }, setUp,
    })
  }

  unpublish() { return this.#drop('publish', { type: 'unpublish' }) }

  subscribe(uid, { audio, video }, setUp) {
    return this.#begin(uid, {
      name: `the subscription to ${uid}`, request: { type: 'subscribe', uid, audio, video }, undo: { type: 'unsubscribe', uid }, setUp,
    })
  }

  unsubscribe(uid) { return this.#drop(uid, { type: 'unsubscribe', uid }) }

  tell(event, detail) { this.#tell(event, detail) }

  async #begin(key, options) {
    if (this.#media.has(key)) throw new AgoraRTCError(Code.INVALID_OPERATION, `${options.name} has begun already`)
    const media = new Media(this, options)
    this.#media.set(key, media)
    try {
      await media.start()
    } catch (e) {
      this.#media.delete(key)
      throw e
    }
  }

  async #drop(key, frame) {
    this.#media.get(key)?.stop()
    if (this.#media.delete(key)) await this.request(frame, this.life)
  }

  async #connect(signal) {
    const { appId, sdkVersion, channel, uid } = this.#join
    const route = await findRoute(this.#setting, this.#endpoints, { appId, sdkVersion, channel, uid: uid ?? '' }, signal)
    const failures = []
    for (const url of route.messages) {
      try {
        await this.#enter(url, signal)
        this.route = route
        return
      } catch (e) {
        if (e.refused || signal.aborted) throw e
        failures.push(e.message)
      }
    }
    throw new AgoraRTCError(Code.MESSAGES, `SD-RTN can't be reached for messages: ${failures.join('; ')}`)
  }

  async #enter(url, life) {
    const { signal, done } = within(messagesLimit, life, new Error(`${url.split('?')[0]}: no answer within ${messagesLimit / 1000} s`))
    let channel
    const early = [] // what SD-RTN says before the answer to join has been dealt with
    let receive = (frame) => early.push(frame)
    try {
      channel = await Channel.dial(url, (frame) => receive(frame), signal)
      const { uid, resume } = await channel.request({ type: 'join', ...this.#join, resume: this.#resume }, signal)
      this.#join.uid = uid
      this.#resume = resume
      this.#lastSeq = 0
      this.channel = channel
    } catch (e) {
      channel?.close()
      throw e
    } finally {
      done()
    }
    receive = (frame) => this.#receive(frame)
    early.forEach(receive)
  }

  async #stay() {
    const over = new Promise((resolve) => {
      if (this.life.aborted) resolve(null)
      this.life.addEventListener('abort', () => resolve(null), { once: true })
    })
    for (;;) {
      const lost = await Promise.race([this.channel.lost, over])
      if (lost === null) return
      this.channel = null
      this.#state('RECONNECTING', lost.message)
      try {
        await this.#reconnect()
      } catch (e) {
        if (this.life.aborted) return
        throw new AgoraRTCError(e.code ?? Code.NOT_CONNECTED, `${lost.message}; reconnecting failed: ${e.message}`)
      }
      this.#state('CONNECTED')
      this.#media.get('publish')?.restart() // subscriptions follow when the others are announced again
    }
  }

  async #reconnect() {
    const { signal, done } = within(reconnectLimit, this.life, new AgoraRTCError(Code.TIMEOUT, `no connection within ${reconnectLimit / 1000} s`))
    let last
    try {
      for (const pause of reconnectPauses) {
        await sleep(pause, signal)
        try {
          return await this.#connect(signal)
        } catch (e) {
          last = e
          if (signal.aborted || (e.code && !passing.has(e.code))) break
        }
      }
      throw last
    } finally {
      done()
    }
  }

  #receive(frame) {
    const { type, uid } = frame
    if (type === 'message') {
      if (frame.seq <= this.#lastSeq) return
      const missing = frame.seq - this.#lastSeq - 1
      this.#lastSeq = frame.seq
      if (missing > 0) this.#tell('error', { reason: `${missing} messages are missing before message ${frame.seq}` })
      return this.#tell('stream-message', { uid, data: frame.text })
    }
    if (type === 'user-published') this.#media.get(uid)?.renew()
    if (type === 'user-unpublished') this.#media.get(uid)?.withdrawn()
    this.#tell(type, frame)
  }

  // tearDown ends what the session began: no media is sent when SD-RTN hears that the user has left.
  async #tearDown() {
    this.#ended.abort(left())
    for (const media of this.#media.values()) media.stop()
    this.#media.clear()
    const channel = this.channel
    this.channel = null
    if (!channel?.open) return
    const { signal, done } = within(leaveLimit, new AbortController().signal, new Error('late'))
    await channel.request({ type: 'leave' }, signal).catch(() => {})
    done()
    channel.close()
  }

  #state(state, reason = '') { this.#tell('state', { state, reason }) }
}
