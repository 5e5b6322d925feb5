// The page adapter: it turns frames of the SDK contract into calls on the global AgoraRTC, and what AgoraRTC says into
// frames. It runs before the SDK's script. Frames come by proxyspecReceive(line) and go by the binding proxyspecSend.
//
// A synchronous throw, a callback and a promise all become the call's result; what an SDK doesn't have is answered with
// "method not found", by name.
'use strict';
(() => {
  const send = globalThis.proxyspecSend
  const write = (frame) => send(JSON.stringify({ jsonrpc: '2.0', ...frame }))
  const notify = (method, params) => write({ method, params })
  const log = (level, message) => notify('log', { level, message })

  class NotSupported extends Error {}

  // need finds a method of an object of the SDK's.
  const need = (object, name, what = name) => {
    if (typeof object?.[name] !== 'function') throw new NotSupported(`AgoraRTC has no ${what}`)
    return object[name].bind(object)
  }

  // settle calls a method of the SDK's with callbacks at the end, and resolves with whatever comes first: a callback, or the
  // promise that it returned.
  const settle = (begin) => new Promise((resolve, reject) => {
    const returned = begin(resolve, reject)
    if (typeof returned?.then === 'function') returned.then(resolve, reject)
  })

  // immediate is for methods without callbacks: what they return, or what their promise brings.
  const immediate = (call) => new Promise((resolve) => resolve(call()))

  const clients = new Map()
  const states = ['DISCONNECTED', 'CONNECTING', 'CONNECTED', 'RECONNECTING', 'DISCONNECTING']

  // Held is a client of the SDK's and what the adapter knows of it.
  class Held {
    remote = new Map() // streams of others, by uid
    announced = new Map() // who waits for a stream, by uid
    subscribed = new Map() // who waits for the end of subscribe, by uid
    messages = { sent: 0, received: 0 }

    constructor(id, client) {
      this.id = id
      this.client = client
      const add = need(client, 'on', 'client.on')
      const on = (name, listener) => add(name, (...e) => { // what it can't read is no error of the SDK's, which would catch it
        try { listener(...e) } catch (error) { log('warning', `the SDK's event ${name} says nothing here: ${words(error)}`) }
      })
      const event = (type, more = {}) => notify('event', { client: id, type, ...more })
      on('connection-state-change', ({ curState: state, reason }) => states.includes(state)
        ? event('connection-state', { state, reason: words(reason) || undefined })
        : log('warning', `the SDK's connection state is ${JSON.stringify(state)}, which says nothing here`))
      on('stream-message', (e) => { this.messages.received++; event('message', { uid: String(e.uid), text: text(e.data ?? e.text) }) })
      on('peer-online', (e) => event('user-joined', { uid: String(e.uid) }))
      on('peer-leave', (e) => event('user-left', { uid: String(e.uid) }))
      on('stream-added', ({ stream }) => {
        const uid = String(stream.getId())
        this.remote.set(uid, stream)
        event('user-published', { uid })
        this.announced.get(uid)?.()
        this.announced.delete(uid)
      })
      on('stream-removed', ({ stream }) => { this.remote.delete(String(stream.getId())); event('user-unpublished', { uid: String(stream.getId()) }) })
      on('stream-subscribed', ({ stream }) => this.subscribed.get(String(stream.getId()))?.())
      on('stream-published', () => this.published?.())
      on('warning', (e) => event('warning', { reason: words(e.reason ?? e) }))
      on('error', (e) => event('error', { reason: words(e.reason ?? e) }))
    }

    // stream is another user's, once it is announced.
    stream(uid) {
      if (this.remote.has(uid)) return this.remote.get(uid)
      return new Promise((resolve) => this.announced.set(uid, () => resolve(this.remote.get(uid))))
    }
  }

  const text = (data) => data instanceof Uint8Array ? new TextDecoder().decode(data) : String(data)
  // words is what an SDK says of something, as a text that fits into a frame.
  const words = (e) => {
    let said = typeof e === 'string' ? e : e?.message ?? e?.msg ?? e?.reason ?? e ?? ''
    if (typeof said !== 'string') {
      try { said = JSON.stringify(said) } catch { } // it has itself in it
    }
    said = String(said)
    return said.length > 4000 ? `${said.slice(0, 4000)} [...]` : said
  }
  const held = ({ client }) => {
    if (!clients.has(client)) throw new Error(`there is no client ${client}`)
    return clients.get(client)
  }
  const given = (object) => Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined))

  // Where the lab's services are: it is empty until hello comes. A script that doesn't ask for it while it is loaded has
  // addresses, and so a lookup protocol, of its own.
  const lab = {}
  let asked = false
  Object.defineProperty(globalThis, 'proxyspecEndpoints', { get: () => { asked = true; return lab } })

  // What the script died of while it was loaded, if it did. What can't be loaded is told to its element alone, on the way down.
  let died = ''
  globalThis.addEventListener('error', ({ message, lineno, target }) => {
    if (target === globalThis) died ||= `: ${message}${lineno ? `, in line ${lineno}` : ''}`
    if (target instanceof HTMLScriptElement) died ||= `: ${target.src}, or a module that it imports, could not be loaded`
  }, true)

  // sdk is the global AgoraRTC. One that a classic script declares with const or class is no property of globalThis.
  const sdk = () => {
    try { return AgoraRTC } catch { return undefined }
  }

  // A module with a top-level await, or a script that loads another, defines it only after the page has loaded.
  const appeared = async () => {
    for (const since = Date.now(); !sdk() && !died && Date.now() - since < 5000;) await new Promise((resolve) => setTimeout(resolve, 20))
    if (!sdk()) throw new NotSupported('the script defines no global AgoraRTC' + (died || ', not within 5 s of the page having loaded either'))
    return sdk()
  }

  const methods = {
    async hello({ protocol, endpoints }) {
      Object.assign(lab, endpoints)
      const { VERSION } = await appeared()
      return { protocol, name: 'AgoraRTC', version: String(VERSION ?? ''), adapter: 'proxyspec page adapter', lookup: asked ? undefined : 'own' }
    },
    createClient({ mode, codec, proxyServer, turnServer }) {
      const client = need(sdk(), 'createClient', 'createClient')(given({ mode, codec, proxyServer, turnServer }))
      const id = `client-${clients.size + 1}`
      clients.set(id, new Held(id, client))
      return { client: id }
    },
    init: (p) => settle((yes, no) => need(held(p).client, 'init')(p.appId, yes, no)).then(empty),
    startProxyServer: (p) => immediate(() => need(held(p).client, 'startProxyServer')()).then(empty),
    stopProxyServer: (p) => immediate(() => need(held(p).client, 'stopProxyServer')()).then(empty),
    setProxyServer: (p) => immediate(() => need(held(p).client, 'setProxyServer')(p.proxyServer)).then(empty),
    setTurnServer: (p) => immediate(() => need(held(p).client, 'setTurnServer')(p.turnServer)).then(empty),
    join: (p) => settle((yes, no) => need(held(p).client, 'join')(p.channelKey || null, p.channel, p.uid || null, yes, no))
      .then((uid) => ({ uid: String(uid) })),
    leave: (p) => settle((yes, no) => need(held(p).client, 'leave')(yes, no)).then(empty),
    async publish(p) {
      const h = held(p)
      const publish = need(h.client, 'publish')
      const stream = need(sdk(), 'createStream')({ streamID: h.id, audio: p.audio, video: p.video, screen: false })
      await settle((yes, no) => need(stream, 'init', 'stream.init')(yes, no))
      await settle((yes, no) => { h.published = yes; return publish(stream, no) })
      return {}
    },
    async subscribe(p) {
      const h = held(p)
      const subscribe = need(h.client, 'subscribe')
      const stream = await h.stream(p.uid)
      await settle((yes, no) => { h.subscribed.set(p.uid, yes); return subscribe(stream, { audio: p.audio, video: p.video }, no) })
      const element = document.createElement('video') // what nobody shows, nobody decodes
      Object.assign(element, { autoplay: true, muted: true, playsInline: true, srcObject: mediaOf(stream) })
      document.body.append(element)
      return {}
    },
    async send(p) {
      const h = held(p)
      await settle((yes, no) => need(h.client, 'sendStreamMessage')(p.text, yes, no))
      h.messages.sent++
      return {}
    },
    stats: (p) => statistics(held(p)),
    async reset() {
      await Promise.all([...clients.values()].map(({ client }) => Promise.race([
        settle((yes) => client.leave(yes, yes)).catch(empty), new Promise((resolve) => setTimeout(resolve, 5000)),
      ])))
      clients.clear()
      return {}
    },
    shutdown: () => methods.reset(),
  }
  const empty = () => ({})

  // ---- what the page sees of media, whatever the SDK is

  const peers = [] // { connection, stats }: every RTCPeerConnection of the page, and its latest statistics

  const Native = globalThis.RTCPeerConnection
  if (Native) { // it has an older name too, by which scripts still ask for it
    globalThis.webkitRTCPeerConnection = globalThis.RTCPeerConnection = class RTCPeerConnection extends Native {
      constructor(configuration, ...more) {
        super(configuration, ...more)
        const peer = { connection: this, number: peers.push(null), stats: [] }
        peers[peer.number - 1] = peer
        const say = (message) => log('info', `RTCPeerConnection ${peer.number}: ${message}`)
        say(`made, ${configuration?.iceTransportPolicy ?? 'all'}, ${servers(configuration)}`)
        this.addEventListener('connectionstatechange', () => say(this.connectionState))
        this.addEventListener('icecandidateerror', (e) => say(`${e.url}: ${e.errorCode} ${e.errorText}`))
      }

      close() {
        const peer = peers.find(({ connection }) => connection === this)
        if (this.signalingState !== 'closed') {
          peer.last = measured(peer) // afterwards there is nothing to measure
          log('info', `RTCPeerConnection ${peer.number}: closed`)
        }
        super.close()
      }
    }
  }
  const servers = (configuration) => (configuration?.iceServers ?? []).flatMap(({ urls }) => urls).join(', ') || 'no ICE servers'

  const measured = async (peer) => {
    const report = await peer.connection.getStats().catch(() => null)
    if (report?.size) peer.stats = [...report.values()]
  }
  const measure = () => Promise.all(peers.map((peer) => peer.last ?? measured(peer)))

  const mediaOf = (stream) => stream.stream instanceof MediaStream ? stream.stream
    : new MediaStream([stream.getAudioTrack?.(), stream.getVideoTrack?.()].filter(Boolean))

  const track = () => ({ packets: 0, bytes: 0, frames: 0 })
  const media = () => ({ audio: track(), video: track() })

  async function statistics(h) {
    await measure()
    const owner = new Map() // of remote tracks
    for (const [uid, stream] of h.remote) for (const { id } of mediaOf(stream).getTracks()) owner.set(id, uid)
    const all = { messagesSent: h.messages.sent, messagesReceived: h.messages.received, sent: media(), received: {} }
    for (const { stats } of peers) {
      for (const s of stats) {
        if (s.type === 'outbound-rtp') add(all.sent[s.kind], s.packetsSent, s.bytesSent, s.framesSent)
        if (s.type === 'inbound-rtp' && owner.has(s.trackIdentifier)) {
          add((all.received[owner.get(s.trackIdentifier)] ??= media())[s.kind], s.packetsReceived, s.bytesReceived, s.framesDecoded)
        }
      }
      const pair = pairOf(stats)
      if (pair) log('info', `selected candidate pair: ${pair}`)
    }
    return all
  }

  const add = (to, packets, bytes, frames) => {
    to.packets += packets ?? 0
    to.bytes += bytes ?? 0
    to.frames += frames ?? packets ?? 0 // a packet of audio is a frame
  }

  function pairOf(stats) {
    const by = (id) => stats.find((s) => s.id === id)
    const pair = by(stats.find((s) => s.type === 'transport')?.selectedCandidatePairId)
    const [near, far] = [by(pair?.localCandidateId), by(pair?.remoteCandidateId)]
    if (!near || !far) return ''
    const how = near.candidateType === 'relay' ? `relay over ${near.relayProtocol}` : near.candidateType
    return `${how} ${near.address}:${near.port} to ${far.address}:${far.port}`
  }

  // ---- frames

  globalThis.proxyspecReceive = (line) => {
    const { id, method, params } = JSON.parse(line)
    const reply = (result) => write({ id, result })
    const fail = (e) => write({ id, error: errorOf(e) })
    if (!Object.hasOwn(methods, method)) return fail(new NotSupported(`the page adapter has no ${method}`))
    try { // a synchronous throw is the outcome, at once
      Promise.resolve(methods[method](params ?? {})).then(reply, fail)
    } catch (e) {
      fail(e)
    }
  }

  function errorOf(e) {
    if (e instanceof NotSupported) return { code: -32601, message: e.message }
    const code = e?.code ?? e?.type ?? (typeof e === 'string' ? e : e?.name)
    return { code: -32000, message: words(e) || 'it failed without a word', data: { code: String(code ?? '') } }
  }
})()
