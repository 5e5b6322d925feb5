// A client: its setting of the four proxy methods, and one session at a time.

import { invalid, notNow } from './errors.mjs'
import { Session } from './session.mjs'
import { decide, none, unknownKeys } from './setting.mjs'
import { RemoteStream } from './stream.mjs'

const nothing = () => {}

export class Client {
  #config
  #appId = ''
  #setting = none
  #session = null // from the call of join to that of leave
  #last = Promise.resolve() // the end of the latest session
  #state = 'DISCONNECTED'
  #listeners = new Map()
  #remotes = new Map() // streams, by uid

  constructor(config, endpoints, version) {
    const { mode = 'live', codec = 'vp8', proxyServer, turnServer } = config
    if (!['live', 'rtc'].includes(mode)) throw invalid(`mode is "${mode}"; it may be live or rtc`)
    if (!['vp8', 'h264'].includes(codec)) throw invalid(`codec is "${codec}"; it may be vp8 or h264`)
    this.#config = { mode, codec, endpoints, version }
    if (proxyServer !== undefined) this.setProxyServer(proxyServer)
    if (turnServer !== undefined) this.setTurnServer(turnServer)
  }

  init(appId, onSuccess = nothing, onFailure = nothing) {
    if (typeof appId !== 'string' || appId === '') return onFailure(invalid('appId is empty'))
    if (this.#session) return onFailure(notNow('init must be called before join() or after leave()'))
    this.#appId = appId
    queueMicrotask(onSuccess)
  }

  startProxyServer() { this.#set('startProxyServer') }
  stopProxyServer() { this.#set('stopProxyServer') }
  setProxyServer(proxyServer) { this.#set('setProxyServer', proxyServer) }

  setTurnServer(turnServer) {
    this.#set('setTurnServer', turnServer)
    for (const key of unknownKeys(turnServer)) this.#emit('warning', { reason: `turnServer has a key "${key}", which means nothing` })
  }

  join(channelKey, channel, uid, onSuccess = nothing, onFailure = nothing) {
    if (this.#session) return onFailure(notNow('the client has joined already, or is joining'))
    if (!this.#appId) return onFailure(notNow('init must be called before join()'))
    if (!channel) return onFailure(invalid('channel is empty'))
    const session = new Session({
      join: {
        appId: this.#appId, sdkVersion: this.#config.version, channel,
        channelKey: channelKey ?? undefined, uid: uid == null || uid === '' ? undefined : String(uid),
      },
      setting: this.#setting,
      endpoints: this.#config.endpoints,
      tell: (event, detail) => this.#hear(event, detail),
    })
    this.#session = session
    this.#last = this.#last.then(() => session.run((error, own) => error ? onFailure(error) : onSuccess(own))).finally(() => {
      if (this.#session === session) this.#session = null
      this.#remotes.clear()
    })
  }

  leave(onSuccess = nothing, onFailure = nothing) {
    if (!this.#session) return onFailure(notNow('the client has not joined'))
    this.#session.leave()
    this.#session = null
    this.#last.then(onSuccess)
  }

  publish(stream, onFailure = nothing) {
    this.#in('publish', onFailure, async (session) => {
      await session.publish({ audio: stream.audio, video: stream.video }, (peer) => {
        for (const track of stream.stream.getTracks()) this.#prefer(peer.addTransceiver(track, { direction: 'sendonly' }))
      })
      this.#emit('stream-published', { stream })
    })
  }

  unpublish(stream, onFailure = nothing) {
    this.#in('unpublish', onFailure, async (session) => {
      await session.unpublish()
      this.#emit('stream-unpublished', { stream })
    })
  }

  subscribe(stream, options, onFailure = nothing) {
    if (typeof options === 'function') return this.subscribe(stream, undefined, options)
    const { audio = true, video = true } = options ?? {}
    const wanted = { audio: audio && stream.hasAudio(), video: video && stream.hasVideo() }
    this.#in('subscribe', onFailure, async (session) => {
      await session.subscribe(stream.getId(), wanted, (peer) => {
        stream.stream = new MediaStream()
        for (const kind of ['audio', 'video'].filter((kind) => wanted[kind])) {
          stream.stream.addTrack(peer.addTransceiver(kind, { direction: 'recvonly' }).receiver.track)
        }
      })
      this.#emit('stream-subscribed', { stream })
    })
  }

  unsubscribe(stream, onFailure = nothing) {
    this.#in('unsubscribe', onFailure, (session) => session.unsubscribe(stream.getId()))
  }

  sendStreamMessage(text, onSuccess = nothing, onFailure = nothing) {
    this.#in('sendStreamMessage', onFailure, async (session) => {
      await session.send(String(text))
      onSuccess()
    })
  }

  getConnectionState() { return this.#state }

  on(event, listener) { this.#listeners.set(event, [...(this.#listeners.get(event) ?? []), listener]) }
  off(event, listener) { this.#listeners.set(event, (this.#listeners.get(event) ?? []).filter((l) => l !== listener)) }

  #set(method, value) { this.#setting = decide(this.#session !== null, this.#setting, method, value) }

  // in does something that needs a session.
  #in(method, onFailure, act) {
    if (!this.#session) return onFailure(notNow(`${method} needs a client that has joined`))
    act(this.#session).catch(onFailure)
  }

  // prefer has a transceiver offer the codec that createClient was given, and no other video codec.
  #prefer(transceiver) {
    if (transceiver.sender.track.kind !== 'video') return
    const { codecs } = RTCRtpSender.getCapabilities('video')
    transceiver.setCodecPreferences(codecs.filter(({ mimeType }) => mimeType.toLowerCase() === `video/${this.#config.codec}`))
  }

  // hear turns what a session tells into the events of the API.
  #hear(event, detail) {
    const { uid } = detail
    switch (event) {
      case 'state': {
        const prevState = this.#state
        this.#state = detail.state
        return this.#emit('connection-state-change', { curState: detail.state, prevState, reason: detail.reason })
      }
      case 'user-joined':
        return this.#emit('peer-online', { uid })
      case 'user-left':
        return this.#emit('peer-leave', { uid, reason: 'Quit' })
      case 'user-published': {
        const stream = this.#remotes.get(uid) ?? new RemoteStream(uid, detail)
        stream.has = { audio: Boolean(detail.audio), video: Boolean(detail.video) }
        this.#remotes.set(uid, stream)
        return this.#emit('stream-added', { stream })
      }
      case 'user-unpublished': {
        const stream = this.#remotes.get(uid)
        this.#remotes.delete(uid)
        return stream && this.#emit('stream-removed', { stream })
      }
      default:
        return this.#emit(event, detail)
    }
  }

  #emit(type, detail) {
    for (const listener of this.#listeners.get(type) ?? []) listener({ type, ...detail })
  }
}
