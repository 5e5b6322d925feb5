// Package browser has a Web SDK in a real Chromium under test: any script that defines a global AgoraRTC.
//
// # What the page asks of a script
//
// It is the API of the document's samples and of the typings of that time (2.x and 3.x). A method may take callbacks,
// return a promise, or both: whatever comes first is the result, and a throw is one too. What is missing is "not supported".
//
//	AgoraRTC.VERSION                                     the SDK's version, as text
//	AgoraRTC.createClient({mode, codec, proxyServer, turnServer})   the last two only where they are tested
//	AgoraRTC.createStream({streamID, audio, video, screen: false})  for publish, with stream.init(done, failed)
//	client.init(appId, done, failed)
//	client.startProxyServer(), client.stopProxyServer()
//	client.setProxyServer(host), client.setTurnServer(server)
//	client.join(channelKey or null, channel, uid or null, done(uid), failed)
//	client.leave(done, failed)
//	client.publish(stream, failed)                       done at the event stream-published
//	client.subscribe(stream, {audio, video}, failed)     done at the event stream-subscribed
//	client.sendStreamMessage(text, done, failed)
//	client.on(event, listener)                           a listener gets one object
//
// Of events it takes connection-state-change {curState, reason}, stream-message {uid, data or text}, peer-online {uid},
// peer-leave {uid}, stream-added, stream-removed, stream-published and stream-subscribed {stream}, and warning and error
// {reason}. A stream has getId(), and its media as the MediaStream stream.stream or by getAudioTrack() and getVideoTrack();
// once it is subscribed to, its tracks must be there. Uids are texts.
//
// AgoraRTC may be defined late, up to five seconds after the page has loaded, by a module with a top-level await for
// instance; the exports of a module aren't looked at. Files beside the script that end in .js, .mjs or .wasm are served
// with it, for imports and workers. Dialogs are answered with OK. A script that reloads the page, or sends it elsewhere, ends its case.
//
// # How it works
//
// Find finds Chromium, Start starts one, and each scenario opens a Page of its own in it: a fresh browser context,
// made while the scenario before waits for something. In it the page adapter (adapter.js) turns the frames of the SDK
// contract into calls on AgoraRTC and back. A Page is the line to an adapter, as a pipe to a program is: give it to
// contract.NewClient. The page itself is served by a Site, on whatever host of the lab the caller chooses.
//
// What the page writes to its console, what it requests, and every RTCPeerConnection that it makes come as log
// notifications of the contract; of the console the first 500 lines. A page that crashes, or a browser that ends, ends the line with an error that says so.
// The package starts Chromium by a command that the caller prepares, in a namespace for instance, and never lets it
// outlive Close.
package browser
