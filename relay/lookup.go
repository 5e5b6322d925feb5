package relay

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"
)

// lookup answers one request to an edge. The node's name and the connection are already in seen.
func (c *Cloud) lookup(w http.ResponseWriter, r *http.Request, seen Event) {
	seen.Purpose, seen.Proto = PurposeLookup, "TCP"
	if r.Method == http.MethodOptions && r.URL.Path == LookupPath {
		seen.Name = EventLookupPreflight
		c.cfg.Log(seen)
		allowLookup(w)
		return
	}

	req, fault := readLookup(w, r)
	seen.Name = EventLookupReceived
	seen.AppID, seen.Channel, seen.User = req.AppID, req.Channel, req.UID
	c.cfg.Log(seen)

	var s session
	var sites []RelaySite
	if fault == nil {
		s, sites, fault = c.admit(req, time.Now())
	}
	if fault != nil {
		seen.Name, seen.Code, seen.Detail = EventLookupRefused, fault.code, fault.message
		c.cfg.Log(seen)
		fault.write(w)
		return
	}
	for i := range sites {
		sites[i].Addr = c.cfg.Facing(seen.From.Addr().Unmap(), sites[i].Addr)
	}
	body := marshal(c.answer(s, sites))
	seen.Name, seen.Session, seen.Bytes = EventLookupAnswered, s.Name, len(body)
	c.cfg.Log(seen)
	writeJSON(w, http.StatusOK, body)
}

// allowLookup answers a browser's preflight (the Fetch standard, section 3.2).
func allowLookup(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Access-Control-Allow-Methods", "POST")
	h.Set("Access-Control-Allow-Headers", "Content-Type")
	h.Set("Access-Control-Max-Age", "86400")
	w.WriteHeader(http.StatusNoContent)
}

// readLookup is the request, or what is wrong with it.
func readLookup(w http.ResponseWriter, r *http.Request) (LookupRequest, *refusal) {
	if r.URL.Path != LookupPath {
		return LookupRequest{}, refuse(CodeNotFound, "an edge has %s and nothing else", LookupPath)
	}
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", "OPTIONS, POST")
		return LookupRequest{}, refuse(CodeMethod, "a lookup is a POST, not a %s", r.Method)
	}
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return LookupRequest{}, refuse(CodeMediaType, "send a lookup as application/json")
	}
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(requestTimeout))
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxRequest))
	if tooLarge := new(http.MaxBytesError); errors.As(err, &tooLarge) {
		return LookupRequest{}, refuse(CodeTooLarge, "a lookup has at most %d bytes", MaxRequest)
	} else if err != nil {
		return LookupRequest{}, refuse(CodeMalformed, "the body ended early")
	}
	req, err := parseLookup(body)
	if err != nil {
		return LookupRequest{}, refuse(CodeMalformed, "%v", err)
	}
	return req, nil
}

// parseLookup reads one JSON object of the known fields, each a string and there at most once. It is
// stricter than encoding/json, which takes "APPID" for appId, the last of two values and an invalid
// byte for a question mark: a client that errs learns it here and not in production.
func parseLookup(body []byte) (req LookupRequest, err error) {
	if !utf8.Valid(body) {
		return req, errors.New("the body is not UTF-8")
	}
	fields := map[string]*string{
		"appId": &req.AppID, "sdkVersion": &req.SDKVersion, "region": &req.Region,
		"channel": &req.Channel, "uid": &req.UID,
	}
	seen := make(map[string]bool)
	dec := json.NewDecoder(bytes.NewReader(body))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return req, errors.New("the body is not a JSON object")
	}
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return req, fmt.Errorf("the body is not JSON: %w", err)
		}
		name := key.(string) // the decoder takes nothing else for a key
		field := fields[name]
		if field == nil {
			return req, fmt.Errorf("unknown field %.64q", name)
		}
		if seen[name] {
			return req, fmt.Errorf("field %q is there twice", name)
		}
		seen[name] = true
		value, err := dec.Token()
		if err != nil {
			return req, fmt.Errorf("field %q is not JSON: %w", name, err)
		}
		text, ok := value.(string)
		if !ok {
			return req, fmt.Errorf("field %q is not a string", name)
		}
		if len(text) > MaxField {
			return req, fmt.Errorf("field %q has %d bytes, more than %d", name, len(text), MaxField)
		}
		*field = text
	}
	if _, err := dec.Token(); err != nil {
		return req, fmt.Errorf("the body is not JSON: %w", err)
	}
	if _, err := dec.Token(); err != io.EOF {
		return req, errors.New("there is more than one JSON value")
	}
	for _, name := range []string{"appId", "channel"} {
		if *fields[name] == "" {
			return req, fmt.Errorf("field %q is missing or empty", name)
		}
	}
	return req, nil
}

// admit is the session of a request that may use the cloud proxy, and its relays, or why it may not.
func (c *Cloud) admit(req LookupRequest, now time.Time) (session, []RelaySite, *refusal) {
	v, ok := parseVersion(req.SDKVersion)
	switch {
	case !ok:
		return session{}, nil, refuse(CodeVersionMalformed, "sdkVersion %q is not a version such as 2.5.1", req.SDKVersion)
	case v.before(oldest):
		return session{}, nil, refuse(CodeVersionUnsupported, "sdkVersion %s: the cloud proxy needs 2.5.1 or later", req.SDKVersion)
	}
	account, ok := c.cfg.Accounts.Account(req.AppID)
	switch {
	case !ok:
		return session{}, nil, refuse(CodeNotProvisioned, "App ID %q is not provisioned for the cloud proxy", req.AppID)
	case req.Region != "" && !slices.Contains(account.Regions, req.Region):
		return session{}, nil, refuse(CodeRegion, "App ID %q is not provisioned for region %q", req.AppID, req.Region)
	}
	sites := c.relays(account.Set, req.AppID, req.Channel)
	if len(sites) == 0 {
		return session{}, nil, refuse(CodeNotProvisioned, "App ID %q is provisioned for %s, and this cloud proxy has no relay for that", req.AppID, account.Set)
	}
	s := session{
		Expires: now.Add(c.cfg.TTL).Unix(),
		AppID:   req.AppID, Channel: req.Channel, UID: req.UID,
	}
	if !c.slots.free(s.user(), account.Scale, now) {
		return session{}, nil, refuseScale(account)
	}
	var err error
	if s.Name, err = c.name(); err != nil {
		return session{}, nil, refuse(CodeInternal, "%v", err)
	}
	return s, sites, nil
}

func refuseScale(a Account) *refusal {
	return refuse(CodeScale, "App ID %q has its %d concurrent users already", a.AppID, a.Scale)
}

// answer says how the session gets through. A client that takes the ICE servers as they are has one
// port of each transport on every relay, so any one of them that is open will do; the lists of ports
// are for clients that try more.
func (c *Cloud) answer(s session, sites []RelaySite) LookupAnswer {
	a := LookupAnswer{Session: s.Name, Expires: time.Unix(s.Expires, 0).UTC()}
	for _, site := range sites {
		a.Relays = append(a.Relays, RelayInfo{
			Address:      site.host(),
			MessagePorts: site.MessagePorts, UDPPorts: site.UDPPorts, TCPPorts: site.TCPPorts,
		})
		username := s.turnUsername()
		a.ICEServers = append(a.ICEServers, ICEServer{
			URLs: []string{
				"turn:" + at(site.host(), site.UDPPorts[0]) + "?transport=udp",
				"turn:" + at(site.host(), site.TCPPorts[0]) + "?transport=tcp",
			},
			Username: username, Credential: turnCredential(c.cfg.Secret, username),
		})
	}
	// Port by port, not relay by relay: a relay that is down costs one attempt before the next.
	token := s.token(c.cfg.Secret)
	for i, more := 0, true; more; i++ {
		more = false
		for _, site := range sites {
			if i < len(site.MessagePorts) {
				a.MessageURLs = append(a.MessageURLs, "wss://"+at(site.host(), site.MessagePorts[i])+MessagesPath+"?session="+token)
				more = true
			}
		}
	}
	return a
}

// at is "host:port" as URLs have it, an IPv6 address in brackets.
func at(host string, port int) string { return net.JoinHostPort(host, strconv.Itoa(port)) }
