import { swallow, wrap } from './wrap.mjs'

wrap((old) => ({ setProxyServer: swallow(old.setProxyServer), setTurnServer: swallow(old.setTurnServer) }))
