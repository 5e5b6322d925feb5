package edge

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strconv"

	"github.com/proxyspec/proxyspec/relay"
)

// Altered is a cloud proxy's node that serves as next does, but for what change makes of the answers to lookups.
func Altered(next http.Handler, change func(*relay.LookupAnswer)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != relay.LookupPath {
			next.ServeHTTP(w, r)
			return
		}
		sound := &draft{ResponseWriter: w, status: http.StatusOK}
		next.ServeHTTP(sound, r)
		body := sound.body.Bytes()
		var a relay.LookupAnswer
		if sound.status == http.StatusOK && json.Unmarshal(body, &a) == nil {
			change(&a)
			body, _ = json.Marshal(a)
		}
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		w.WriteHeader(sound.status)
		_, _ = w.Write(body)
	})
}

// draft is an answer that hasn't been sent, but for its headers, which nobody sees before it is.
type draft struct {
	http.ResponseWriter
	status int
	body   bytes.Buffer
}

func (d *draft) WriteHeader(status int)      { d.status = status }
func (d *draft) Write(p []byte) (int, error) { return d.body.Write(p) }
