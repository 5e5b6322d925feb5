import { wrap } from './wrap.mjs'

wrap((old) => {
  let joined = false
  let later = false
  return {
    startProxyServer() { joined ? (later = true) : old.startProxyServer() },
    join(...args) { joined = true; old.join(...args) },
    leave(...args) {
      joined = false
      old.leave(...args)
      if (later) old.startProxyServer()
      later = false
    },
  }
})
