import './wrap.mjs'

const Native = globalThis.WebSocket
globalThis.WebSocket = class extends Native {
  constructor(url) { super(String(url).includes('/v1/messages') ? globalThis.proxyspecEndpoints.gateways[0] : url) }
}
