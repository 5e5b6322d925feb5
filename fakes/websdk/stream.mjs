// Streams: what a client publishes, and what it receives of another user.

import { invalid } from './errors.mjs'

class Stream {
  stream = new MediaStream()
  #id

  constructor(id) { this.#id = id }

  getId() { return this.#id }
  getAudioTrack() { return this.stream.getAudioTracks()[0] }
  getVideoTrack() { return this.stream.getVideoTracks()[0] }

  // play shows the stream in the element with this id.
  play(id) {
    const element = document.createElement('video')
    Object.assign(element, { autoplay: true, playsInline: true, srcObject: this.stream })
    document.getElementById(id).append(element)
  }

  close() {
    for (const track of this.stream.getTracks()) track.stop()
  }
}

// LocalStream is made by createStream, and has its tracks once init has called back.
export class LocalStream extends Stream {
  #spec

  constructor(spec = {}) {
    if (!spec.audio && !spec.video) throw invalid('a stream needs audio, video or both')
    super(spec.streamID)
    this.#spec = { audio: Boolean(spec.audio), video: Boolean(spec.video) }
  }

  get audio() { return this.#spec.audio }
  get video() { return this.#spec.video }

  init(onSuccess = () => {}, onFailure = () => {}) {
    navigator.mediaDevices.getUserMedia(this.#spec).then((stream) => { this.stream = stream; onSuccess() }, onFailure)
  }
}

// RemoteStream has its tracks once it is subscribed to.
export class RemoteStream extends Stream {
  constructor(uid, { audio, video }) {
    super(uid)
    this.has = { audio: Boolean(audio), video: Boolean(video) }
  }

  hasAudio() { return this.has.audio }
  hasVideo() { return this.has.video }
}
