// The way to SD-RTN, found anew for each join and each attempt to reconnect.

import { AgoraRTCError, Code } from './errors.mjs'
import { sleep, within } from './wait.mjs'

const lookupLimit = 6000 // for one edge, ms
const lookupPause = 1000 // before the next two edges

// findRoute is where messages go, in the order in which to try it, and what media may go through. relayOnly: through
// nothing else.
export async function findRoute(setting, endpoints, question, life) {
  if (setting.cloud) return lookup(endpoints.lookup, question, life)
  const route = { messages: endpoints.gateways, iceServers: [], relayOnly: false }
  if (setting.proxy !== '') route.messages = endpoints.gateways.map((gateway) => throughProxy(setting.proxy, gateway))
  for (const t of setting.turn ?? []) {
    const urls = [`turn:${t.turnServerURL}:${t.udpport}?transport=udp`]
    if (t.tcpport) urls.push(`turn:${t.turnServerURL}:${t.tcpport}?transport=tcp`)
    route.iceServers.push({ urls, username: t.username, credential: t.password })
    route.relayOnly ||= t.forceturn === true
  }
  return route
}

// throughProxy is the URL of a gateway through a reverse proxy.
function throughProxy(proxy, gateway) {
  const { hostname, port } = new URL(gateway)
  return `wss://${proxy}/ws/?` + new URLSearchParams({ h: hostname, p: port || '443' })
}

// lookup asks the edges of the cloud proxy, two at once, and takes the first good answer. A refusal by name ends it.
async function lookup(edges, question, life) {
  const failures = []
  for (let i = 0; i < edges.length; i += 2) {
    if (i > 0) await sleep(lookupPause, life)
    const { signal, done } = within(lookupLimit, life, new AgoraRTCError(Code.TIMEOUT, 'no answer'))
    try {
      return await Promise.any(edges.slice(i, i + 2).map((edge) => ask(edge, question, signal)))
    } catch (both) {
      if (life.aborted) throw life.reason
      const refusal = both.errors.find((e) => e.refused)
      if (refusal) throw refusal
      failures.push(...both.errors.map((e) => e.message))
    } finally {
      done() // the slower one of the two need not go on
    }
  }
  throw new AgoraRTCError(Code.LOOKUP, `the cloud proxy gave no way to SD-RTN: ${failures.join('; ')}`)
}

async function ask(edge, question, signal) {
  const response = await fetch(edge, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(question),
    credentials: 'omit',
    cache: 'no-store',
    redirect: 'error', // nobody else is asked
    signal,
  }).catch((e) => { throw new Error(`${edge}: ${signal.aborted ? signal.reason?.message ?? 'given up' : e.message}`) })
  if (!response.ok) throw await refusal(response, edge)
  try {
    return read(await response.json())
  } catch (e) {
    throw new Error(`${edge}: unusable answer: ${e.message}`)
  }
}

// refusal is a server's no. A failure of its own (5xx) is none by name: another edge may do better.
export async function refusal(response, who) {
  const body = await response.json().catch(() => null)
  if (response.status < 500 && body?.error?.code) {
    const e = new AgoraRTCError(body.error.code, `refused by the cloud proxy: ${body.error.message}`)
    e.refused = true
    return e
  }
  return new Error(`${who}: it answered with status ${response.status}`)
}

// read takes from an answer what the call needs, and nothing that would lead around the proxy.
function read({ messageUrls, iceServers }) {
  const list = (x, what) => {
    if (!Array.isArray(x) || x.length === 0) throw new Error(`it has no ${what}`)
    return x
  }
  for (const url of list(messageUrls, 'messageUrls')) {
    if (!String(url).startsWith('wss://')) throw new Error(`the message URL ${url} is not wss`)
  }
  for (const server of list(iceServers, 'iceServers')) {
    for (const url of list([server.urls].flat(), 'urls')) {
      if (!/^turns?:/.test(url)) throw new Error(`the ICE server ${url} is not a relay`)
    }
  }
  return { messages: messageUrls, iceServers, relayOnly: true }
}
