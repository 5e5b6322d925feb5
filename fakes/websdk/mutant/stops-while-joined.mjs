import { wrap } from './wrap.mjs'

wrap((old) => {
  let joined = false
  let later = false
  return {
    stopProxyServer() {
      later = joined
      old.stopProxyServer() // throws while joined, as it should, and clears all the same
    },
    join(...args) { joined = true; old.join(...args) },
    leave(...args) {
      joined = false
      old.leave(...args)
      if (later) old.stopProxyServer()
      later = false
    },
  }
})
