package sdk

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/pion/webrtc/v4"

	"github.com/proxyspec/proxyspec/conformance/contract"
	"github.com/proxyspec/proxyspec/relay"
)

const (
	lookupLimit = 6 * time.Second // for one edge: dialLimit, and then TLS and HTTP at 200 ms of round trip
	lookupPause = time.Second     // before the next two edges, as the published SDKs do
)

// lookup asks the edges of the cloud proxy for the way, two at once, and takes the first good answer. When
// both fail it asks the next two a second later; each edge is asked once. A refusal by name ends it, unless
// the other edge of the two answers well.
func lookup(ctx context.Context, r Request) (Path, error) {
	edges := r.Endpoints.Lookup
	if len(edges) == 0 {
		return Path{}, contract.SDKError(CodeLookup, "no edge of the cloud proxy is known")
	}
	body, err := json.Marshal(r.Lookup)
	if err != nil {
		return Path{}, err
	}
	var failures []error
	for len(edges) > 0 {
		two := edges[:min(2, len(edges))]
		edges = edges[len(two):]
		path, failed := lookupBoth(ctx, r.HTTP, two, body)
		if failed == nil {
			return path, nil
		}
		failures = append(failures, failed...)
		for _, err := range failed {
			if refusal, ok := named(err); ok {
				return Path{}, refusal
			}
		}
		if len(edges) > 0 && !sleep(ctx, lookupPause) || ctx.Err() != nil {
			break
		}
	}
	return Path{}, contract.SDKError(CodeLookup, "the cloud proxy gave no way to SD-RTN: "+errors.Join(failures...).Error())
}

// lookupBoth asks some edges at once. It returns when one has answered well or all have failed, and leaves
// no request under way.
func lookupBoth(ctx context.Context, client *http.Client, edges []string, body []byte) (good Path, failed []error) {
	ctx, cancel := context.WithTimeout(ctx, lookupLimit)
	defer cancel()
	type outcome struct {
		edge int
		path Path
		err  error
	}
	outcomes := make(chan outcome, len(edges))
	for i, edge := range edges {
		go func() {
			if !sleep(ctx, time.Duration(i)*beat) {
				outcomes <- outcome{edge: i, err: fmt.Errorf("edge %s: %w", edge, context.Cause(ctx))}
				return
			}
			path, err := ask(ctx, client, edge, body)
			outcomes <- outcome{i, path, err}
		}()
	}
	failed = make([]error, len(edges))
	found := false
	for range edges {
		o := <-outcomes
		switch {
		case o.err != nil:
			failed[o.edge] = o.err
		case !found:
			found, good = true, o.path
			cancel()
		}
	}
	if found {
		return good, nil
	}
	return Path{}, failed
}

// ask puts the question to one edge. Its error is a *contract.Error if the edge refused by name.
func ask(ctx context.Context, client *http.Client, edge string, body []byte) (Path, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, edge, bytes.NewReader(body))
	if err != nil {
		return Path{}, fmt.Errorf("edge %s: %w", edge, err)
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := client.Do(request)
	if err != nil {
		return Path{}, err // names the URL
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	if err != nil {
		return Path{}, fmt.Errorf("edge %s: %w", edge, err)
	}
	if response.StatusCode != http.StatusOK {
		if refusal, ok := refused(response.StatusCode, text); ok {
			return Path{}, fmt.Errorf("edge %s: %w", edge, refusal)
		}
		return Path{}, fmt.Errorf("edge %s: it answered with status %s", edge, response.Status)
	}
	path, err := readAnswer(text)
	if err != nil {
		return Path{}, fmt.Errorf("edge %s: unusable answer: %w", edge, err)
	}
	return path, nil
}

// refused reads a refusal by name. A server's own failure (5xx) is none: another edge may do better.
func refused(status int, body []byte) (*contract.Error, bool) {
	var r relay.Refusal
	if status < 400 || status > 499 || json.Unmarshal(body, &r) != nil || r.Error.Code == "" {
		return nil, false
	}
	return contract.SDKError(r.Error.Code, "refused by the cloud proxy: "+r.Error.Message), true
}

// readAnswer takes from an answer what the call needs, and nothing that would lead around the proxy.
func readAnswer(text []byte) (Path, error) {
	var a relay.LookupAnswer
	if err := json.Unmarshal(text, &a); err != nil {
		return Path{}, err
	}
	path := Path{Messages: a.MessageURLs, RelayOnly: true}
	if len(path.Messages) == 0 {
		return Path{}, errors.New("it has no messageUrls")
	}
	for _, u := range path.Messages {
		if !strings.HasPrefix(u, "wss://") {
			return Path{}, fmt.Errorf("the message URL %q is not wss", u)
		}
	}
	for _, s := range a.ICEServers {
		path.ICEServers = append(path.ICEServers, webrtc.ICEServer{URLs: s.URLs, Username: s.Username, Credential: s.Credential})
		for _, u := range s.URLs {
			if !strings.HasPrefix(u, "turn:") && !strings.HasPrefix(u, "turns:") {
				return Path{}, fmt.Errorf("the ICE server %q is not a relay", u)
			}
		}
	}
	if len(path.ICEServers) == 0 {
		return Path{}, errors.New("it has no iceServers")
	}
	return path, nil
}

// beat is how far apart things begin that begin at once. In virtual time goroutines that are ready at one
// instant run in no certain order, and one seed would give more than one trace. It is no round number, so
// that what follows from them doesn't fall on the instants of anybody's timers either.
const beat = 1137 * time.Microsecond

// sleep waits, and reports whether ctx is still alive.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}
