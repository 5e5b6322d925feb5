// A mutant is the reference with the global wrapped: its own code stays as it is.

import '../agora.mjs'

const { AgoraRTC } = globalThis
const createClient = AgoraRTC.createClient

// wrap replaces methods of every client by those that change returns; change is given the old ones.
export function wrap(change) {
  AgoraRTC.createClient = (config) => {
    const client = createClient(config)
    const old = new Proxy(client, { get: (c, name) => c[name].bind(c) })
    const own = change(old)
    return new Proxy(client, { get: (c, name) => own[name] ?? old[name] })
  }
}

// swallow makes a call that never throws.
export const swallow = (call) => (...args) => {
  try { call(...args) } catch { /* as if nothing had happened */ }
}
