import { wrap } from './wrap.mjs'

wrap((old) => {
  let cloud = false
  return {
    startProxyServer() { old.startProxyServer(); cloud = true },
    stopProxyServer() { old.stopProxyServer(); if (cloud) old.startProxyServer() },
  }
})
