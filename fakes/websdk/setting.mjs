// What the four proxy methods have set, for the client's next join.

import { AgoraRTCError, Code, invalid, notNow } from './errors.mjs'

// No proxy. cloud never stands beside the other two.
export const none = Object.freeze({ cloud: false, proxy: '', turn: null })

// decide is the decision table of the four methods: it returns the setting that a call makes of another, or throws and
// leaves it as it was. joined: join() has been called, and not yet leave().
export function decide(joined, setting, method, value) {
  if (joined) throw notNow(`${method} must be called before join() or after leave()`)
  const self = setting.proxy !== '' || setting.turn !== null
  switch (method) {
    case 'stopProxyServer':
      return none
    case 'startProxyServer':
      if (self) throw conflict('startProxyServer cannot be used together with setProxyServer or setTurnServer')
      return { ...setting, cloud: true }
  }
  if (setting.cloud) throw conflict(`${method} cannot be used together with startProxyServer`)
  if (method === 'setProxyServer') {
    checkText('proxyServer', value)
    return { ...setting, proxy: value }
  }
  return { ...setting, turn: turnServers(value) }
}

const conflict = (message) => new AgoraRTCError(Code.PROXY_CONFLICT, message)

const keys = ['turnServerURL', 'username', 'password', 'udpport', 'tcpport', 'forceturn']

// turnServers reads what an application gave as TURN server: an object or an array of them.
function turnServers(value) {
  const servers = Array.isArray(value) ? value : [value]
  if (servers.length === 0) throw invalid('turnServer is empty')
  return servers.map((given) => {
    if (typeof given !== 'object' || given === null) throw invalid('turnServer is neither an object nor an array of objects')
    for (const name of ['turnServerURL', 'username', 'password']) checkText(name, given[name])
    checkPort('udpport', given.udpport)
    if (given.tcpport !== undefined && given.tcpport !== '') checkPort('tcpport', given.tcpport)
    if (given.forceturn !== undefined && typeof given.forceturn !== 'boolean') throw invalid('forceturn is not a boolean')
    return Object.fromEntries(keys.map((key) => [key, given[key]]))
  })
}

// unknownKeys names the keys of a TURN server that mean nothing.
export function unknownKeys(value) {
  return [value].flat().flatMap((given) => Object.keys(given)).filter((key) => !keys.includes(key))
}

function checkText(name, text) {
  if (typeof text !== 'string') throw invalid(`${name} is not a string`)
  const bytes = new TextEncoder().encode(text).length
  if (bytes < 1 || bytes > 255) throw invalid(`${name} has ${bytes} bytes; 1 to 255 are allowed`)
  if (bytes !== text.length) throw invalid(`${name} has characters that are not ASCII`)
}

function checkPort(name, digits) {
  if (typeof digits !== 'string' || !/^[0-9]+$/.test(digits)) throw invalid(`${name} is ${JSON.stringify(digits)}; only digits are allowed`)
  const port = Number(digits)
  if (port < 1 || port > 65535) throw invalid(`${name} is "${digits}"; 1 to 65535 are allowed`)
}
