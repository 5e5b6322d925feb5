// A sample for Node 20 or later, without any package: a small SDK that does the lookup and the messages for real and
// has no media, and below it the adapter that puts it on the SDK contract: proxyspec run --sdk "exec:node adapter.mjs"
import { createInterface } from 'node:readline'
import { randomBytes } from 'node:crypto'
import https from 'node:https'

// ---- the SDK -------------------------------------------------------------------------------------------------

class SDKError extends Error { constructor(code, message) { super(message); this.code = code } }

let ca, endpoints // from hello: whom to trust, and where the vendor's servers are

// post sends JSON and returns the JSON that comes back.
function post(url, body) {
  return new Promise((resolve, reject) => {
    const request = https.request(url, { method: 'POST', ca, agent: false, timeout: 6000, headers: { 'Content-Type': 'application/json' } })
    request.on('response', async response => {
      try {
        let text = ''
        for await (const part of response) text += part
        const answer = JSON.parse(text)
        if (response.statusCode !== 200) throw new SDKError(answer.error?.code ?? 'LOOKUP_FAILED', answer.error?.message ?? text)
        resolve(answer)
      } catch (e) { reject(e) }
    })
    request.on('timeout', () => request.destroy(new Error(`${url} doesn't answer`)))
    request.on('error', reject)
    request.end(JSON.stringify(body))
  })
}

// WebSocket is as much of RFC 6455 as JSON messages need.
class WebSocket {
  static open(url) {
    return new Promise((resolve, reject) => {
      const request = https.request(url.replace(/^wss/, 'https'), { ca, agent: false, timeout: 6000, headers: {
        Connection: 'Upgrade', Upgrade: 'websocket', 'Sec-WebSocket-Version': 13, 'Sec-WebSocket-Key': randomBytes(16).toString('base64') } })
      request.on('upgrade', (_, socket, head) => { socket.setTimeout(0); resolve(new WebSocket(socket, head)) })
      request.on('response', r => reject(new Error(`${new URL(url).host} refused with status ${r.statusCode}`)))
      request.on('timeout', () => request.destroy(new Error(`${new URL(url).host} doesn't answer`)))
      request.on('error', reject)
      request.end()
    })
  }
  constructor(socket, head) {
    Object.assign(this, { socket, buffer: head, onmessage() {}, onclose() {} })
    socket.on('data', data => { this.buffer = Buffer.concat([this.buffer, data]); while (this.frame()); })
    socket.on('error', () => {})
    socket.on('close', () => this.onclose())
  }
  frame() {
    const b = this.buffer
    if (b.length < 2) return false
    let length = b[1] & 127, at = 2
    if (length === 126) { length = b.length < 4 ? NaN : b.readUInt16BE(2); at = 4 }
    if (length === 127) { length = b.length < 10 ? NaN : Number(b.readBigUInt64BE(2)); at = 10 }
    if (!(b.length >= at + length)) return false
    const payload = b.subarray(at, at + length)
    this.buffer = b.subarray(at + length)
    const opcode = b[0] & 15 // servers here don't cut messages into frames
    if (opcode === 1) this.onmessage(payload.toString())
    if (opcode === 8) this.close()
    if (opcode === 9) this.write(10, payload)
    return true
  }
  write(opcode, payload) {
    const mask = randomBytes(4), n = payload.length
    const length = n < 126 ? [128 | n] : n < 65536 ? [254, n >> 8, n & 255] : [255, 0, 0, 0, 0, n >>> 24, (n >> 16) & 255, (n >> 8) & 255, n & 255]
    const masked = Buffer.from(payload).map((v, i) => v ^ mask[i & 3])
    if (this.socket.writable) this.socket.write(Buffer.concat([Buffer.from([128 | opcode, ...length]), mask, masked]))
  }
  send(message) { this.write(1, Buffer.from(JSON.stringify(message))) }
  close() { this.write(8, Buffer.from([3, 232])); this.socket.end() }
}

class Client {
  constructor(emit) { Object.assign(this, { emit, proxy: false, session: null, sent: 0, received: 0 }) }

  // The rules of the document: not while in a channel.
  setProxy(on, method) {
    if (this.session) throw new SDKError('INVALID_OPERATION', `${method} must be called before join() or after leave()`)
    this.proxy = on
  }

  async join({ channel, channelKey, uid }) {
    if (this.session) throw new SDKError('INVALID_OPERATION', 'the client has joined already, or is joining')
    if (!this.appId) throw new SDKError('INVALID_OPERATION', 'init must be called before join()')
    const session = this.session = { next: 1, open: new Map() }
    try {
      this.emit({ type: 'connection-state', state: 'CONNECTING' })
      await this.connect(session, this.proxy ? await this.lookup(channel, uid) : endpoints.gateways)
      const joined = await this.request(session, { type: 'join', appId: this.appId, channel, channelKey, uid, sdkVersion: '2.5.1' })
      if (this.session !== session) throw new SDKError('ABORTED', 'leave was called while joining')
      this.emit({ type: 'connection-state', state: 'CONNECTED' })
      return { uid: joined.uid }
    } catch (e) {
      session.socket?.close()
      if (this.session === session) this.session = null
      this.emit({ type: 'connection-state', state: 'DISCONNECTED' })
      throw e
    }
  }

  // lookup is steps 1 and 2: it asks two edges at once and takes the first answer.
  async lookup(channel, uid) {
    try {
      const ask = edge => post(edge, { appId: this.appId, sdkVersion: '2.5.1', channel, ...(uid && { uid }) })
      return (await Promise.any(endpoints.lookup.slice(0, 2).map(ask))).messageUrls
    } catch (e) {
      const cause = e.errors?.find(c => c instanceof SDKError) ?? e.errors?.[0] ?? e
      throw new SDKError(cause.code ?? 'LOOKUP_FAILED', `the lookup failed: ${cause.message}`)
    }
  }

  async connect(session, urls) {
    const failures = []
    for (const url of urls ?? []) {
      if (this.session !== session) break
      try { session.socket = await WebSocket.open(url) } catch (e) { failures.push(e.message); continue }
      session.socket.onmessage = text => this.take(session, JSON.parse(text))
      return session.socket.onclose = () => this.lost(session)
    }
    throw new SDKError('NOT_CONNECTED', `no way to SD-RTN: ${failures.join('; ')}`)
  }
  request(session, message) {
    return new Promise((resolve, reject) => {
      message.id = session.next++
      session.open.set(message.id, { resolve, reject })
      session.socket.send(message)
    })
  }
  take(session, m) {
    const waiting = session.open.get(m.id)
    session.open.delete(m.id)
    if (m.type === 'ok') waiting?.resolve(m)
    else if (m.type === 'error') waiting?.reject(new SDKError(m.code, m.message))
    else if (m.type === 'message') { this.received++; this.emit({ type: 'message', uid: m.uid, text: m.text }) }
    else this.emit({ type: m.type, uid: m.uid })
  }
  lost(session) {
    for (const { reject } of session.open.values()) reject(new SDKError('NOT_CONNECTED', 'the connection to SD-RTN is lost'))
    if (this.session === session) { this.session = null; this.emit({ type: 'connection-state', state: 'DISCONNECTED' }) }
  }

  async leave() {
    const session = this.session
    this.session = null // it counts from this moment on
    if (!session?.socket) return
    await this.request(session, { type: 'leave' }).catch(() => {})
    session.socket.close()
    this.emit({ type: 'connection-state', state: 'DISCONNECTED' })
  }

  async send(text) {
    if (!this.session?.socket) throw new SDKError('INVALID_OPERATION', 'send needs a channel')
    await this.request(this.session, { type: 'message', text })
    this.sent++
  }
}

// ---- the adapter ---------------------------------------------------------------------------------------------

const write = message => process.stdout.write(JSON.stringify({ jsonrpc: '2.0', ...message }) + '\n')
const clients = new Map()
const none = { audio: { packets: 0, bytes: 0, frames: 0 }, video: { packets: 0, bytes: 0, frames: 0 } }
const reset = async () => { const all = [...clients.values()]; clients.clear(); for (const c of all) await c.leave() }

// Each begins at once, in the order of the requests, and may finish later.
const methods = {
  hello: p => { ca = p.ca; endpoints = p.endpoints; return { protocol: 1, name: 'sample for Node', version: '2.5.1' } },
  createClient: () => {
    const id = `client-${clients.size + 1}`
    clients.set(id, new Client(event => write({ method: 'event', params: { client: id, ...event } })))
    return { client: id }
  },
  init: (p, c) => { c.appId = p.appId },
  startProxyServer: (p, c) => c.setProxy(true, 'startProxyServer'),
  stopProxyServer: (p, c) => c.setProxy(false, 'stopProxyServer'),
  join: (p, c) => c.join(p),
  leave: (p, c) => c.leave(),
  send: (p, c) => c.send(p.text),
  stats: (p, c) => ({ messagesSent: c.sent, messagesReceived: c.received, sent: none, received: {} }),
  reset, shutdown: reset,
}

async function answer({ id, method, params }) {
  if (!methods[method]) return write({ id, error: { code: -32601, message: `${method} is not supported` } })
  try {
    const client = clients.get(params.client)
    if (params.client !== undefined && !client) throw new SDKError('INVALID_PARAMS', `there is no client ${params.client}`)
    write({ id, result: (await methods[method](params, client)) ?? {} })
  } catch (e) {
    write({ id, error: { code: -32000, message: e.message, data: { code: e.code ?? 'ERROR' } } })
  }
  if (method === 'shutdown') process.exit()
}

createInterface({ input: process.stdin }).on('line', line => answer(JSON.parse(line))).on('close', () => process.exit())
