package relay

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// statuses has the HTTP status of each refusal code.
var statuses = map[string]int{
	CodeMalformed:          http.StatusBadRequest,
	CodeVersionMalformed:   http.StatusBadRequest,
	CodeSession:            http.StatusUnauthorized,
	CodeVersionUnsupported: http.StatusForbidden,
	CodeNotProvisioned:     http.StatusForbidden,
	CodeRegion:             http.StatusForbidden,
	CodeNotFound:           http.StatusNotFound,
	CodeMethod:             http.StatusMethodNotAllowed,
	CodeTooLarge:           http.StatusRequestEntityTooLarge,
	CodeMediaType:          http.StatusUnsupportedMediaType,
	CodeUpgrade:            http.StatusUpgradeRequired,
	CodeScale:              http.StatusTooManyRequests,
	CodeConnections:        http.StatusTooManyRequests,
	CodeInternal:           http.StatusInternalServerError,
	CodeUpstream:           http.StatusBadGateway,
}

// refusal is the end of a request: a code for the client's program, a message for its author.
type refusal struct {
	code, message string
}

func refuse(code, format string, args ...any) *refusal {
	return &refusal{code, fmt.Sprintf(format, args...)}
}

// write answers the request with a Refusal.
func (r *refusal) write(w http.ResponseWriter) {
	h := w.Header()
	switch r.code {
	case CodeSession:
		h.Set("WWW-Authenticate", "ProxySession") // RFC 9110, section 15.5.2, wants one
	case CodeUpgrade:
		h.Set("Connection", "Upgrade")
		h.Set("Upgrade", "websocket")
		h.Set("Sec-WebSocket-Version", "13") // RFC 6455, section 4.4
	case CodeScale, CodeConnections:
		h.Set("Retry-After", strconv.Itoa(int(slotGrace/time.Second)))
	case CodeUpstream:
		h.Set("Retry-After", "1")
	}
	writeJSON(w, statuses[r.code], marshal(Refusal{RefusalError{r.code, r.message}}))
}

func marshal(v any) []byte {
	body, err := json.Marshal(v)
	if err != nil {
		panic(err) // the wire types always marshal
	}
	return body
}

// writeJSON answers any origin: no edge or relay knows a client by anything but what it sends.
func writeJSON(w http.ResponseWriter, status int, body []byte) {
	h := w.Header()
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Access-Control-Expose-Headers", "Retry-After")
	h.Set("Cache-Control", "no-store") // it holds credentials
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(requestTimeout))
	w.WriteHeader(status)
	_, _ = w.Write(body) // an error means that the client has gone; nothing is left to do
}
