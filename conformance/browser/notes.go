package browser

import (
	"encoding/json"
	"fmt"
	"strings"
)

// notes turns what the browser tells of a page into lines of a log: console, exceptions, requests and WebSockets.
type notes struct {
	urls    map[string]string // of requests and WebSockets under way, by their IDs
	console int               // lines of the console
}

// mostConsole is how many lines of a page's console have a place in its log: half of what is kept there, so that one who talks
// without end leaves room for requests and connections.
const mostConsole = 500

// of is a line and its level; no text: nothing worth a line.
func (n *notes) of(method string, params json.RawMessage) (level, text string) {
	if n.urls == nil {
		n.urls = map[string]string{}
	}
	var e event
	if json.Unmarshal(params, &e) != nil {
		return "", ""
	}
	switch method {
	case "Runtime.consoleAPICalled":
		switch n.console++; {
		case n.console < mostConsole:
			return e.Type, "console: " + e.values()
		case n.console == mostConsole:
			return "warning", "console: the page goes on writing; the rest is left out"
		}
	case "Runtime.exceptionThrown":
		return "error", "page error: " + e.exception()
	case "Log.entryAdded":
		return e.Entry.Level, strings.TrimSpace("browser: " + e.Entry.Text + " " + short(e.Entry.URL))
	case "Page.javascriptDialogOpening":
		return "warning", fmt.Sprintf("%s: %q, answered with OK", e.Type, e.Message)
	case "Network.requestWillBeSent":
		n.urls[e.RequestID] = short(e.Request.URL)
		return "info", fmt.Sprintf("request: %s %s", e.Request.Method, n.urls[e.RequestID])
	case "Network.responseReceived":
		return "info", fmt.Sprintf("answer: %d %s", e.Response.Status, short(e.Response.URL))
	case "Network.loadingFailed":
		return "warning", fmt.Sprintf("request failed: %s %s", n.urls[e.RequestID], e.ErrorText)
	case "Network.webSocketCreated":
		n.urls[e.RequestID] = short(e.URL)
		return "info", "WebSocket: " + n.urls[e.RequestID]
	case "Network.webSocketHandshakeResponseReceived":
		return "info", fmt.Sprintf("WebSocket: %d %s", e.Response.Status, n.urls[e.RequestID])
	case "Network.webSocketClosed":
		return "info", "WebSocket closed: " + n.urls[e.RequestID]
	}
	return "", ""
}

// event has the fields of the events that of knows.
type event struct {
	Type    string `json:"type"`
	Message string `json:"message"`
	Args    []struct {
		Value       json.RawMessage `json:"value"`
		Description string          `json:"description"`
	} `json:"args"`
	Exception struct {
		Text      string `json:"text"`
		Exception struct {
			Description string `json:"description"`
		} `json:"exception"`
	} `json:"exceptionDetails"`
	Entry struct {
		Level string `json:"level"`
		Text  string `json:"text"`
		URL   string `json:"url"`
	} `json:"entry"`
	RequestID string `json:"requestId"`
	URL       string `json:"url"`
	Request   struct {
		Method string `json:"method"`
		URL    string `json:"url"`
	} `json:"request"`
	Response struct {
		Status int    `json:"status"`
		URL    string `json:"url"`
	} `json:"response"`
	ErrorText string `json:"errorText"`
}

// values is what a console shows of what was written to it. Colours, %c and an argument of their own for each, it shows as such.
func (e event) values() string {
	var words []string
	colours := 0
	for i, a := range e.Args {
		switch text := ""; {
		case i > 0 && i <= colours:
		case json.Unmarshal(a.Value, &text) == nil:
			if i == 0 {
				colours = strings.Count(text, "%c")
				text = strings.ReplaceAll(text, "%c", "")
			}
			words = append(words, text)
		case len(a.Value) > 0:
			words = append(words, string(a.Value))
		default:
			words = append(words, a.Description)
		}
	}
	return strings.Join(words, " ")
}

func (e event) exception() string {
	if e.Exception.Exception.Description != "" {
		return e.Exception.Exception.Description
	}
	return e.Exception.Text
}

// short is a URL without its query, which may hold a secret and never says much.
func short(url string) string {
	before, _, _ := strings.Cut(url, "?")
	return before
}
