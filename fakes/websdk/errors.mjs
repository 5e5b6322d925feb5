// Every error of the SDK has a code, for programs, and a cause in words, for people.

export class AgoraRTCError extends Error {
  constructor(code, message) {
    super(message)
    this.name = 'AgoraRTCError'
    this.code = code
  }
}

// A refusal of the cloud proxy or of SD-RTN keeps the code that it came with, in lower case. These are the SDK's own.
export const Code = Object.freeze({
  INVALID_PARAMS: 'INVALID_PARAMS', // a parameter is not what the typings say
  INVALID_OPERATION: 'INVALID_OPERATION', // not now: the client's state forbids it
  PROXY_CONFLICT: 'PROXY_CONFLICT', // the cloud proxy and servers of one's own exclude each other
  ABORTED: 'OPERATION_ABORTED', // leave() was called first
  LOOKUP: 'LOOKUP_FAILED', // no edge of the cloud proxy gave a usable answer
  MESSAGES: 'MESSAGES_UNREACHABLE', // no way for messages to SD-RTN works
  MEDIA: 'MEDIA_UNREACHABLE', // no way for media to SD-RTN works
  TIMEOUT: 'TIMEOUT', // it took longer than the SDK waits
  NOT_CONNECTED: 'NOT_CONNECTED', // the connection to SD-RTN is lost at the moment
})

export const invalid = (message) => new AgoraRTCError(Code.INVALID_PARAMS, message)
export const notNow = (message) => new AgoraRTCError(Code.INVALID_OPERATION, message)
export const left = () => new AgoraRTCError(Code.ABORTED, 'leave() was called')
