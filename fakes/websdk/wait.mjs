// Waiting, each wait with an end.

// sleep resolves after ms, or rejects with the signal's reason.
export function sleep(ms, signal) {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason)
    const stop = () => { clearTimeout(timer); reject(signal.reason) }
    const timer = setTimeout(() => { signal.removeEventListener('abort', stop); resolve() }, ms)
    signal.addEventListener('abort', stop, { once: true })
  })
}

// within is a signal that ends with its parent, with the parent's reason, or after ms, with the given error.
export function within(ms, parent, late) {
  const own = new AbortController()
  const stop = () => own.abort(parent.reason)
  if (parent.aborted) stop()
  parent.addEventListener('abort', stop, { once: true })
  const timer = setTimeout(() => own.abort(late), ms)
  own.signal.addEventListener('abort', () => { clearTimeout(timer); parent.removeEventListener('abort', stop) }, { once: true })
  return { signal: own.signal, done: () => own.abort() }
}

// unless is a promise that rejects as soon as the signal does.
export function unless(signal, promise) {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason)
    const stop = () => reject(signal.reason)
    signal.addEventListener('abort', stop, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop))
  })
}
