// The message connection: a WebSocket to a gateway of SD-RTN, through whatever its URL names.

import { AgoraRTCError, Code } from './errors.mjs'
import { refusal } from './route.mjs'
import { unless, within } from './wait.mjs'

const requestLimit = 10000
const pingInterval = 10000 // a browser tells its scripts nothing of WebSocket's own pings
const padBlock = 8192 // frames with SDP are padded to a multiple of this

export class Channel {
  // lost resolves, with an error, once the connection is over.
  lost = new Promise((resolve) => { this.lose = resolve })
  open = true
  #socket
  #next = 1
  #requests = new Map()
  #receive

  // dial opens a connection. receive takes every frame that answers nothing.
  static async dial(url, receive, signal) {
    const socket = new WebSocket(url)
    try {
      await unless(signal, new Promise((resolve, reject) => {
        socket.onopen = resolve
        socket.onerror = reject
      }))
    } catch {
      socket.close()
      if (signal.aborted) throw signal.reason
      throw await why(url, signal)
    }
    return new Channel(socket, receive)
  }

  constructor(socket, receive) {
    this.#socket = socket
    this.#receive = receive
    socket.onerror = null
    socket.onmessage = ({ data }) => this.#take(data)
    socket.onclose = ({ code, reason }) => this.#end(`the message connection is lost: closed with ${code} ${reason}`)
    this.#ping()
  }

  // request sends a request and resolves with its reply. Requests go out in the order of the calls.
  async request(frame, life) {
    if (!this.open) throw new AgoraRTCError(Code.NOT_CONNECTED, 'the connection to SD-RTN is lost')
    const id = this.#next++
    const reply = new Promise((resolve, reject) => this.#requests.set(id, { resolve, reject }))
    this.#socket.send(encode({ ...frame, id }))
    const late = new AgoraRTCError(Code.TIMEOUT, `SD-RTN did not answer ${frame.type} within ${requestLimit / 1000} s`)
    const { signal, done } = within(requestLimit, life, late)
    try {
      return await unless(signal, reply)
    } finally {
      this.#requests.delete(id)
      done()
    }
  }

  close() {
    this.#socket.close(1000)
    this.#end('left')
  }

  #take(text) {
    let frame
    try {
      frame = JSON.parse(text)
    } catch {
      this.#socket.close(4000, 'not a frame')
      return this.#end('SD-RTN sent what is not a frame')
    }
    if (frame.type !== 'ok' && frame.type !== 'error') return this.#receive(frame)
    const request = this.#requests.get(frame.id)
    if (frame.type === 'ok') return request?.resolve(frame)
    const e = new AgoraRTCError(frame.code, `refused by SD-RTN: ${frame.message}`)
    e.refused = true
    request?.reject(e)
  }

  async #ping() {
    const never = new AbortController().signal
    while (this.open) {
      await new Promise((resolve) => setTimeout(resolve, pingInterval))
      if (!this.open) return
      await this.request({ type: 'ping' }, never).catch((e) => {
        if (e.refused) return // an answer all the same
        this.#socket.close()
        this.#end('the message connection is lost: no answer to a ping')
      })
    }
  }

  #end(message) {
    if (!this.open) return
    this.open = false
    const e = new AgoraRTCError(Code.NOT_CONNECTED, message)
    for (const { reject } of this.#requests.values()) reject(e)
    this.#requests.clear()
    this.lose(e)
  }
}

function encode(frame) {
  const text = JSON.stringify(frame)
  return frame.sdp ? text.padEnd(Math.ceil(text.length / padBlock) * padBlock) : text
}

// why finds out what a refused handshake hides from scripts: the same URL, asked with https, is refused for the same
// reason. 426 says that nothing was wrong with it.
async function why(url, signal) {
  const unreachable = new Error(`${url.split('?')[0]}: no WebSocket there`)
  if (!url.includes('/v1/messages')) return unreachable // no relay of the cloud proxy
  try {
    const response = await fetch(url.replace(/^wss:/, 'https:'), { credentials: 'omit', cache: 'no-store', redirect: 'error', signal })
    const e = await refusal(response, url.split('?')[0])
    return e.code === 'upgrade-required' ? unreachable : e
  } catch {
    return unreachable
  }
}
