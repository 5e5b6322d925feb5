import { swallow, wrap } from './wrap.mjs'

wrap((old) => ({ startProxyServer: swallow(old.startProxyServer) }))
