import { wrap } from './wrap.mjs'

wrap((old) => ({
  sendStreamMessage(text, ...callbacks) {
    old.sendStreamMessage(text)
    old.sendStreamMessage(text, ...callbacks)
  },
}))
