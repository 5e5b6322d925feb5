// A Web SDK that owes nothing to the reference: one classic script, written from the document, the requirements and the wire
// contracts alone, with XMLHttpRequest, callbacks and no promise in its API. What only the reference does must not be
// mistaken for a rule.
(function () {
  'use strict'

  var places = window.proxyspecEndpoints

  function oops(code, text) {
    var e = new Error(text)
    e.code = code
    return e
  }

  function call(f, value) { if (typeof f === 'function') f(value) }

  // ---- the setting

  function plain(what, text) {
    if (typeof text !== 'string' || !/^[\x00-\x7f]{1,255}$/.test(text)) throw oops('BAD_ARGUMENT', what + ' must be 1 to 255 ASCII characters')
    return text
  }

  function port(what, text) {
    if (typeof text !== 'string' || !/^\d{1,20}$/.test(text) || Number(text) < 1 || Number(text) > 65535) throw oops('BAD_ARGUMENT', what + ' must be a port')
    return Number(text)
  }

  function turn(given) {
    if (given === null || typeof given !== 'object') throw oops('BAD_ARGUMENT', 'a TURN server must be an object')
    var host = plain('turnServerURL', given.turnServerURL)
    var server = { username: plain('username', given.username), credential: plain('password', given.password) }
    server.urls = ['turn:' + host + ':' + port('udpport', given.udpport) + '?transport=udp']
    if (given.tcpport !== undefined && given.tcpport !== '') server.urls.push('turn:' + host + ':' + port('tcpport', given.tcpport) + '?transport=tcp')
    if (given.forceturn !== undefined && typeof given.forceturn !== 'boolean') throw oops('BAD_ARGUMENT', 'forceturn must be a boolean')
    return { ice: server, forced: given.forceturn === true }
  }

  function Client(options) {
    this.options = options || {}
    this.listeners = {}
    this.cloud = false
    this.nginx = ''
    this.turns = []
    this.call = null // from join to leave
    this.busy = null // a call that is being taken down
    if (this.options.proxyServer !== undefined) this.setProxyServer(this.options.proxyServer)
    if (this.options.turnServer !== undefined) this.setTurnServer(this.options.turnServer)
  }

  Client.prototype.calm = function (method) {
    if (this.call) throw oops('WRONG_TIME', method + ' has to wait until you have left')
  }

  Client.prototype.startProxyServer = function () {
    this.calm('startProxyServer')
    if (this.nginx || this.turns.length) throw oops('EXCLUSIVE', 'you have a proxy of your own')
    this.cloud = true
  }

  Client.prototype.stopProxyServer = function () {
    this.calm('stopProxyServer')
    this.cloud = false
    this.nginx = ''
    this.turns = []
  }

  Client.prototype.setProxyServer = function (host) {
    this.calm('setProxyServer')
    if (this.cloud) throw oops('EXCLUSIVE', 'you have the cloud proxy')
    this.nginx = plain('proxyServer', host)
  }

  Client.prototype.setTurnServer = function (given) {
    this.calm('setTurnServer')
    if (this.cloud) throw oops('EXCLUSIVE', 'you have the cloud proxy')
    var all = (Array.isArray(given) ? given : [given]).map(turn)
    if (!all.length) throw oops('BAD_ARGUMENT', 'there is no TURN server in it')
    this.turns = all
  }

  Client.prototype.on = function (name, f) { (this.listeners[name] = this.listeners[name] || []).push(f) }

  Client.prototype.emit = function (name, e) {
    e.type = name;
    (this.listeners[name] || []).forEach(function (f) { f(e) })
  }

  Client.prototype.init = function (appId, done, failed) {
    if (!appId) return call(failed, oops('BAD_ARGUMENT', 'no App ID'))
    this.appId = appId
    setTimeout(call, 0, done)
  }

  Client.prototype.join = function (key, channel, uid, done, failed) {
    var client = this
    if (this.call) return call(failed, oops('WRONG_TIME', 'you have joined'))
    if (!this.appId || !channel) return call(failed, oops('BAD_ARGUMENT', 'no App ID, or no channel'))
    this.call = new Call(this, { key: key, channel: channel, uid: uid == null ? '' : String(uid) }, done, failed)
    if (this.busy) return this.busy.afterwards.push(this.call)
    setTimeout(function (c) { if (client.call === c) c.connect() }, 0, this.call)
  }

  Client.prototype.leave = function (done, failed) {
    if (!this.call) return call(failed, oops('WRONG_TIME', 'you are not in a channel'))
    var c = this.call
    this.call = null
    c.leave(done)
  }

  Client.prototype.joined = function (failed) {
    if (this.call && this.call.up) return this.call
    call(failed, oops('WRONG_TIME', 'there is no connection'))
  }

  Client.prototype.sendStreamMessage = function (text, done, failed) {
    var c = this.joined(failed)
    if (c) c.ask({ type: 'message', text: text }, function (e) { e ? call(failed, e) : call(done) })
  }

  Client.prototype.publish = function (stream, failed) {
    var c = this.joined(failed), client = this
    if (c) c.carry('me', stream, true, function (e) { e ? call(failed, e) : client.emit('stream-published', { stream: stream }) })
  }

  Client.prototype.subscribe = function (stream, options, failed) {
    var c = this.joined(failed), client = this
    if (!c) return
    stream.wanted = options || { audio: true, video: true }
    c.carry(stream.getId(), stream, false, function (e) { e ? call(failed, e) : client.emit('stream-subscribed', { stream: stream }) })
  }

  // ---- a call, from join to leave

  function Call(client, who, done, failed) {
    this.client = client
    this.who = who
    this.done = done
    this.failed = failed
    this.streams = {} // media that is carried, by uid; one's own is "me"
    this.others = {} // streams of others, by uid
    this.afterwards = []
    this.round = 0
  }

  Call.prototype.state = function (now, why) {
    var before = this.was || 'DISCONNECTED'
    this.was = now
    this.client.emit('connection-state-change', { prevState: before, curState: now, reason: why })
  }

  Call.prototype.connect = function () {
    var it = this, client = this.client
    this.state('CONNECTING')
    this.deadline = Date.now() + 40000
    if (!client.cloud) {
      this.ice = client.turns.map(function (t) { return t.ice })
      this.forced = client.turns.some(function (t) { return t.forced })
      return this.tryAll(places.gateways.map(function (url) {
        var u = new URL(url)
        return client.nginx ? 'wss://' + client.nginx + '/ws/?h=' + u.hostname + '&p=' + (u.port || 443) + '&d=' + u.pathname.slice(1) : url
      }))
    }
    this.lookUp(places.lookup.slice(), function (e, way) {
      if (e) return it.give(e)
      it.ice = way.iceServers
      it.forced = true
      it.expires = Date.parse(way.expires)
      it.tryAll(way.messageUrls)
    })
  }

  // lookUp asks one edge after the other.
  Call.prototype.lookUp = function (edges, then) {
    var it = this, edge = edges.shift()
    if (!edge) return then(oops('NO_WAY', 'nobody answers at the cloud proxy'))
    var x = this.request = new XMLHttpRequest()
    var next = function () { it.lookUp(edges, then) }
    x.open('POST', edge)
    x.timeout = 8000
    x.setRequestHeader('Content-Type', 'application/json')
    x.onerror = x.ontimeout = next
    x.onload = function () {
      var answer
      try { answer = JSON.parse(x.responseText) } catch (e) { answer = null }
      if (x.status >= 500) return next()
      if (x.status !== 200) return then(oops(answer && answer.error ? answer.error.code : 'REFUSED', 'the cloud proxy refuses: ' + x.status))
      var usable = answer && Array.isArray(answer.messageUrls) && answer.messageUrls.length && Array.isArray(answer.iceServers) && answer.iceServers.length
      usable ? then(null, answer) : then(oops('NONSENSE', 'the cloud proxy says nothing that can be used'))
    }
    x.send(JSON.stringify({ appId: this.client.appId, sdkVersion: window.AgoraRTC.VERSION, channel: this.who.channel, uid: this.who.uid }))
  }

  // tryAll opens the message connection at the first URL that works.
  Call.prototype.tryAll = function (urls) {
    var it = this
    this.urls = urls
    var next = function (n, last) {
      if (it.over) return
      if (n >= urls.length || Date.now() > it.deadline) return it.nobody(last || oops('NO_WAY', 'nobody answers'))
      it.open(urls[n], function (e) {
        if (!e) return
        if (e.said) return it.give(e)
        next(n + 1, e)
      })
    }
    next(0)
  }

  // Where nobody has answered, a reconnect has another round, with a lookup of its own.
  Call.prototype.nobody = function (e) {
    var it = this
    if (!this.resume || ++this.round > 4) return this.give(e)
    setTimeout(function () { if (!it.over) it.again() }, 1500 * this.round)
  }

  Call.prototype.again = function () {
    var it = this
    if (!this.client.cloud) return this.tryAll(this.urls)
    this.lookUp(places.lookup.slice(), function (e, way) {
      if (it.over) return
      if (e) return it.nobody(e)
      it.ice = way.iceServers
      it.tryAll(way.messageUrls)
    })
  }

  Call.prototype.open = function (url, then) {
    var it = this, told = false, socket = new WebSocket(url), asked = {}
    var tell = function (e) { if (!told) { told = true; clearTimeout(late); then(e) } }
    var lost = function () {
      clearInterval(beat)
      socket.onopen = socket.onmessage = socket.onclose = null
      socket.close()
      var e = oops('NO_CONNECTION', 'the connection is gone')
      for (var id in asked) asked[id](e)
      asked = {}
      if (it.socket === socket) it.lost()
      tell(e)
    }
    var late = setTimeout(lost, 9000)
    var beat = 0, last = 0
    var ask = function (frame, f) {
      frame.id = ++last
      asked[frame.id] = f
      socket.send(JSON.stringify(frame))
    }
    this.opening = lost
    socket.onclose = lost
    socket.onopen = function () {
      ask({
        type: 'join', appId: it.client.appId, channelKey: it.who.key || undefined, channel: it.who.channel, uid: it.who.uid || undefined,
        sdkVersion: window.AgoraRTC.VERSION, resume: it.resume,
      }, function (e, reply) {
        if (e) return tell(e)
        it.socket = socket
        it.ask = ask
        it.opening = null
        it.resume = reply.resume
        it.who.uid = reply.uid
        tell()
        it.opened()
        beat = setInterval(function () {
          var answered = false
          ask({ type: 'ping' }, function () { answered = true })
          setTimeout(function () { if (!answered) lost() }, 6000)
        }, 7000)
      })
    }
    socket.onmessage = function (m) {
      var frame = JSON.parse(m.data)
      if (frame.type !== 'ok' && frame.type !== 'error') return it.hear(frame)
      var f = asked[frame.id]
      delete asked[frame.id]
      if (!f) return
      if (frame.type === 'ok') return f(null, frame)
      var e = oops(frame.code, frame.message)
      e.said = true
      f(e)
    }
  }

  Call.prototype.opened = function () {
    this.up = true
    this.round = 0
    this.state('CONNECTED')
    var done = this.done, it = this
    this.done = null
    call(done, this.who.uid)
    if (this.streams.me) this.streams.me.build()
  }

  Call.prototype.lost = function () {
    if (this.over) return
    this.socket = null
    this.up = false
    this.state('RECONNECTING', 'the connection is gone')
    this.deadline = Date.now() + 40000
    this.expires && Date.now() > this.expires ? this.again() : this.tryAll(this.urls)
  }

  Call.prototype.give = function (e) {
    if (this.over) return
    if (this.client.call === this) this.client.call = null
    this.clear()
    this.client.emit('error', { reason: e.code })
    this.state('DISCONNECTED', e.message)
    if (this.done) call(this.failed, e)
    this.done = null
  }

  Call.prototype.clear = function () {
    this.over = true
    this.up = false
    if (this.request) this.request.abort()
    for (var uid in this.streams) this.streams[uid].end()
    var socket = this.socket
    this.socket = null
    if (this.opening) this.opening()
    return socket
  }

  Call.prototype.leave = function (done) {
    var it = this, client = this.client, up = this.up, ask = this.ask, socket = this.clear()
    client.busy = this
    if (this.done) call(this.failed, oops('LEFT', 'you have left'))
    this.done = null
    var finish = function () {
      if (!finish) return
      finish = null
      if (socket) socket.close(1000)
      client.busy = null
      it.state('DISCONNECTED', 'left')
      call(done)
      it.afterwards.forEach(function (c) { if (client.call === c) c.connect() })
    }
    if (!up) return setTimeout(finish, 0)
    ask({ type: 'leave' }, function () { if (finish) finish() })
    setTimeout(function () { if (finish) finish() }, 4000)
  }

  Call.prototype.hear = function (f) {
    var client = this.client, s = this.others[f.uid]
    switch (f.type) {
      case 'message': return client.emit('stream-message', { uid: f.uid, data: f.text })
      case 'user-joined': return client.emit('peer-online', { uid: f.uid })
      case 'user-left': return client.emit('peer-leave', { uid: f.uid })
      case 'user-published':
        if (!s) s = this.others[f.uid] = new Stream({ streamID: f.uid })
        s.audio = Boolean(f.audio)
        s.video = Boolean(f.video)
        if (this.streams[f.uid]) this.streams[f.uid].build()
        return client.emit('stream-added', { stream: s })
      case 'user-unpublished':
        delete this.others[f.uid]
        return s && client.emit('stream-removed', { stream: s })
    }
  }

  Call.prototype.carry = function (uid, stream, up, then) {
    if (this.streams[uid]) return then(oops('WRONG_TIME', 'that is carried already'))
    this.streams[uid] = new Carrier(this, uid, stream, up, then)
    this.streams[uid].build()
  }

  // ---- media

  // Carrier is one peer connection after the other, for one stream.
  function Carrier(of, uid, stream, up, then) {
    this.of = of
    this.uid = uid
    this.stream = stream
    this.up = up
    this.then = then
    this.tries = 0
  }

  Carrier.prototype.build = function () {
    var it = this, of = this.of
    if (this.over || !of.up) return
    this.drop()
    // Without max-bundle video has a transport of its own at first, whose allocations nobody frees: it is gone when they come.
    var pc = this.pc = new RTCPeerConnection({ iceServers: of.ice, iceTransportPolicy: of.forced ? 'relay' : 'all', bundlePolicy: 'max-bundle' })
    var request = { type: this.up ? 'publish' : 'subscribe', uid: this.up ? undefined : this.uid }
    if (this.up) {
      this.stream.media.getTracks().forEach(function (t) {
        request[t.kind] = true
        pc.addTrack(t, it.stream.media)
      })
    } else {
      this.stream.media = new MediaStream();
      ['audio', 'video'].forEach(function (kind) {
        if (!it.stream.wanted[kind] || !it.stream[kind]) return
        request[kind] = true
        it.stream.media.addTrack(pc.addTransceiver(kind, { direction: 'recvonly' }).receiver.track)
      })
    }
    pc.getTransceivers().forEach(function (t) {
      if (!it.up) return
      t.direction = 'sendonly'
      if (t.sender.track.kind !== 'video') return
      var wanted = 'video/' + (of.client.options.codec || 'vp8')
      t.setCodecPreferences(RTCRtpSender.getCapabilities('video').codecs.filter(function (c) { return c.mimeType.toLowerCase() === wanted }))
    })
    var mine = function () { return it.pc === pc && !it.over }
    var bad = function () { if (mine()) it.worse() }
    this.late = setTimeout(bad, 14000)
    pc.onconnectionstatechange = function () {
      if (!mine()) return
      if (pc.connectionState === 'failed') return it.worse()
      if (pc.connectionState === 'disconnected') return setTimeout(function () { if (mine() && pc.connectionState === 'disconnected') it.worse() }, 5000)
      if (pc.connectionState !== 'connected') return
      clearTimeout(it.late)
      it.tries = 0
      var then = it.then
      it.then = null
      if (then) then()
    }
    pc.createOffer().then(function (offer) { return pc.setLocalDescription(offer) }).then(function () {
      if (!mine()) return
      request.sdp = pc.localDescription.sdp
      of.ask(request, function (e, reply) {
        if (!mine()) return
        if (e) return e.said ? it.fail(e) : bad()
        pc.setRemoteDescription({ type: 'answer', sdp: reply.sdp }).catch(bad)
      })
    }).catch(bad)
  }

  // worse tries again, a few times.
  Carrier.prototype.worse = function () {
    var it = this
    this.drop()
    if (++this.tries > 2) return this.fail(oops('NO_MEDIA', 'media has no way'))
    setTimeout(function () { if (!it.pc) it.build() }, 500)
  }

  Carrier.prototype.fail = function (e) {
    this.end()
    if (this.of.streams[this.uid] === this) delete this.of.streams[this.uid]
    if (!this.told) this.of.client.emit('error', { reason: e.message })
  }

  Carrier.prototype.drop = function () {
    clearTimeout(this.late)
    var pc = this.pc
    this.pc = null
    if (pc) pc.close()
  }

  Carrier.prototype.end = function () {
    this.over = true
    this.drop()
    var then = this.then
    this.then = null
    this.told = Boolean(then)
    if (then) then(oops('NO_MEDIA', 'media has no way'))
  }

  function Stream(spec) {
    this.spec = spec
    this.media = new MediaStream()
  }

  Stream.prototype.getId = function () { return this.spec.streamID }
  Stream.prototype.getAudioTrack = function () { return this.media.getAudioTracks()[0] }
  Stream.prototype.getVideoTrack = function () { return this.media.getVideoTracks()[0] }
  Stream.prototype.init = function (done, failed) {
    var it = this
    navigator.mediaDevices.getUserMedia({ audio: Boolean(this.spec.audio), video: Boolean(this.spec.video) }).then(function (media) {
      it.media = media
      call(done)
    }, failed)
  }

  window.AgoraRTC = {
    VERSION: '3.6.11',
    createClient: function (options) { return new Client(options) },
    createStream: function (spec) { return new Stream(spec) },
  }
})()
