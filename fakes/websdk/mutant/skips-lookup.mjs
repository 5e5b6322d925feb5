import { wrap } from './wrap.mjs'

wrap(() => ({ startProxyServer() {} }))
