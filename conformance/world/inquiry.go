package world

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/coder/websocket"

	"github.com/proxyspec/proxyspec/conformance/timeline"
	"github.com/proxyspec/proxyspec/relay"
)

// Inquiry is a lookup that the suite itself made, and what came back: what it tells is of the cloud proxy
// alone, whatever SDK is under test.
type Inquiry struct {
	Edge    string
	Began   int // the timeline's last event before it
	Status  int // of HTTP
	Answer  relay.LookupAnswer
	Refusal relay.RefusalError // if there was one
}

// inquiryTime is how long the suite waits for the cloud proxy: an order of magnitude above what it takes.
const inquiryTime = 10 * time.Second

// client is an HTTP client on a host, which keeps no connection.
func (w *World) client(host string) (*http.Client, error) {
	h, err := w.Host(host)
	if err != nil {
		return nil, err
	}
	trust, err := w.trust()
	if err != nil {
		return nil, err
	}
	return &http.Client{Transport: &http.Transport{
		DialContext: h.DialContext, TLSClientConfig: trust.Clients, DisableKeepAlives: true,
	}}, nil
}

// Inquire sends a lookup from a host to an edge. Its error says that nothing came back that is an answer or
// a refusal of the wire contract.
func (w *World) Inquire(host string, edge Place, fields map[string]string) (Inquiry, error) {
	i := Inquiry{Edge: edge.Name, Began: len(w.Timeline.Events())}
	client, err := w.client(host)
	if err != nil {
		return i, err
	}
	body, err := json.Marshal(fields)
	if err != nil {
		return i, err
	}
	w.Timeline.Add(timeline.Event{Kind: timeline.KindWorld, Actor: host, Name: "lookup", Length: len(body), Detail: edge.Name + " " + string(body)})
	ctx, cancel := context.WithTimeout(context.Background(), inquiryTime)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, lookupURL(w.host(edge)), bytes.NewReader(body))
	if err != nil {
		return i, err
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := client.Do(request)
	if err != nil {
		return i, fmt.Errorf("ask %s: %w", edge.Name, err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return i, fmt.Errorf("ask %s: %w", edge.Name, err)
	}
	i.Status = response.StatusCode
	if i.Status == http.StatusOK {
		err = json.Unmarshal(text, &i.Answer)
	} else {
		var r relay.Refusal
		err = json.Unmarshal(text, &r)
		i.Refusal = r.Error
	}
	if err != nil {
		return i, fmt.Errorf("%s answered with status %d and what is not JSON: %.100q", edge.Name, i.Status, text)
	}
	return i, nil
}

// Connection is a message connection that the suite itself opened through the cloud proxy.
type Connection struct{ ws *websocket.Conn }

// Connect opens a message connection from a host. If the relay refuses it, the connection is nil and the
// refusal says why.
func (w *World) Connect(host, url string) (*Connection, relay.RefusalError, error) {
	client, err := w.client(host)
	if err != nil {
		return nil, relay.RefusalError{}, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), inquiryTime)
	defer cancel()
	ws, response, err := websocket.Dial(ctx, url, &websocket.DialOptions{HTTPClient: client})
	if err == nil {
		return &Connection{ws}, relay.RefusalError{}, nil
	}
	var r relay.Refusal
	if response == nil || response.Body == nil || json.NewDecoder(response.Body).Decode(&r) != nil {
		return nil, r.Error, err
	}
	return nil, r.Error, nil
}

// Close ends the connection with a close frame.
func (c *Connection) Close() error { return c.ws.Close(websocket.StatusNormalClosure, "") }
