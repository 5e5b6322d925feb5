package world

import (
	"bytes"
	"encoding/json"
	"net/http"

	"github.com/proxyspec/proxyspec/relay"
)

// withoutMedia leaves the ICE servers, and so all credentials for media, out of the edges' answers. It stands in front of whatever else does (nil: nothing).
func withoutMedia(wrap func(http.Handler) http.Handler) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		if wrap != nil {
			next = wrap(next)
		}
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != relay.LookupPath {
				next.ServeHTTP(w, r)
				return
			}
			sound := &written{ResponseWriter: w, status: http.StatusOK}
			next.ServeHTTP(sound, r)
			body := sound.body.Bytes()
			var a relay.LookupAnswer
			if sound.status == http.StatusOK && json.Unmarshal(body, &a) == nil {
				a.ICEServers = []relay.ICEServer{}
				body, _ = json.Marshal(a)
			}
			w.Header().Del("Content-Length") // that of the sound answer
			w.WriteHeader(sound.status)
			_, _ = w.Write(body)
		})
	}
}

// written is an answer that hasn't been sent, but for its headers, which nobody sees before it is.
type written struct {
	http.ResponseWriter
	status int
	body   bytes.Buffer
}

func (a *written) WriteHeader(status int)      { a.status = status }
func (a *written) Write(p []byte) (int, error) { return a.body.Write(p) }
