import { wrap } from './wrap.mjs'

wrap((old) => {
  let turn = null
  return {
    setTurnServer(server) { old.setTurnServer(server); turn = server },
    stopProxyServer() { old.stopProxyServer(); if (turn) old.setTurnServer(turn) },
  }
})
