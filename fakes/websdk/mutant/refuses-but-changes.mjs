import { wrap } from './wrap.mjs'

wrap((old) => ({
  startProxyServer() {
    try {
      old.startProxyServer()
    } catch (e) {
      swallowed(() => { old.stopProxyServer(); old.startProxyServer() })
      throw e
    }
  },
}))

const swallowed = (call) => { try { call() } catch { /* joined: then it is refused whole */ } }
