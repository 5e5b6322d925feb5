import './wrap.mjs'

const native = globalThis.fetch
let answer = null
globalThis.fetch = async (url, options) => {
  if (!String(url).includes('/v1/lookup')) return native(url, options)
  if (answer) return answer.clone()
  const response = await native(url, options)
  if (response.ok) answer = response.clone()
  return response
}
