import { wrap } from './wrap.mjs'

wrap((old) => ({
  join(key, channel, uid, onSuccess) {
    onSuccess(uid ?? 'me')
    old.join(key, channel, uid)
  },
}))
