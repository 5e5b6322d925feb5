package browser

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
)

// Chromium makes requests of its own, of its maker's services. They lead nowhere, because no such name is looked up, but
// a reader of a timeline wants to know of them. Its log of the network (--log-net-log) has one event a line, and of every
// request the page that began it; ownRequests reads that log to its end and tells the URLs that no page began.
func ownRequests(log io.Reader, tell func(method, url string)) {
	in := bufio.NewReaderSize(log, 1<<16)
	begins := -1 // the number of the event that begins a request: Chromium numbers them anew in each version
	for {
		line, err := in.ReadBytes('\n')
		if begins < 0 {
			begins = numberOf("URL_REQUEST_START_JOB", line)
		} else if bytes.Contains(line, []byte(`"not an origin"`)) {
			var e struct {
				Type   int `json:"type"`
				Params struct {
					Initiator string `json:"initiator"`
					Method    string `json:"method"`
					URL       string `json:"url"`
				} `json:"params"`
			}
			if json.Unmarshal(element(line), &e) == nil && e.Type == begins && e.Params.Initiator == "not an origin" {
				tell(e.Params.Method, e.Params.URL)
			}
		}
		if err != nil {
			return
		}
	}
}

// numberOf finds the number of a kind of event in the log's first line, which explains the others.
func numberOf(kind string, line []byte) int {
	var head struct {
		Constants struct {
			Kinds map[string]int `json:"logEventTypes"`
		} `json:"constants"`
	}
	if json.Unmarshal(append(element(line), '}'), &head) == nil {
		if n, known := head.Constants.Kinds[kind]; known {
			return n
		}
	}
	return -1
}

// element is a line without the comma that parts it from the next.
func element(line []byte) []byte { return bytes.TrimRight(bytes.TrimSpace(line), ",") }
