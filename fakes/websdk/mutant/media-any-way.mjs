import './wrap.mjs'

const Native = globalThis.RTCPeerConnection
globalThis.RTCPeerConnection = class extends Native {
  constructor(configuration) { super({ ...configuration, iceServers: [], iceTransportPolicy: 'all' }) }
}
