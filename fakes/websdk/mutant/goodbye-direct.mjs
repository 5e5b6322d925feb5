import { wrap } from './wrap.mjs'

// A beacon goes straight to SD-RTN at leave, as one would that has to arrive when the page is closed.
wrap((old) => ({
  leave(...callbacks) {
    navigator.sendBeacon(globalThis.proxyspecEndpoints.gateways[0].replace('wss:', 'https:'), 'goodbye')
    return old.leave(...callbacks)
  },
}))
