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
	"strings"
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
// byte for a question mark: a client that errs learns it here and not in production, and where.
func parseLookup(body []byte) (req LookupRequest, err error) {
	p := lookupParser{body: body, dec: json.NewDecoder(bytes.NewReader(body)), fields: map[string]*string{
		"appId": &req.AppID, "sdkVersion": &req.SDKVersion, "region": &req.Region,
		"channel": &req.Channel, "uid": &req.UID,
	}}
	p.dec.UseNumber() // one that is too large is no string either
	return req, p.parse()
}

type lookupParser struct {
	body   []byte
	dec    *json.Decoder
	fields map[string]*string
}

func (p *lookupParser) parse() error {
	for i, r := range string(p.body) { // which shows an invalid byte as utf8.RuneError, one byte wide
		if _, size := utf8.DecodeRune(p.body[i:]); r == utf8.RuneError && size == 1 {
			return p.wrong(i, "the body is not UTF-8")
		}
	}
	if t, err := p.dec.Token(); err != nil || t != json.Delim('{') {
		return errors.New("the body is not a JSON object")
	}
	seen := make(map[string]bool)
	for p.dec.More() {
		if err := p.field(seen); err != nil {
			return err
		}
	}
	if _, err := p.dec.Token(); err != nil {
		return p.notJSON(err, "the body")
	}
	next := p.next()
	if _, err := p.dec.Token(); err != io.EOF {
		return p.wrong(next, "there is more than one JSON value")
	}
	for _, name := range []string{"appId", "channel"} {
		if *p.fields[name] == "" {
			return fmt.Errorf("field %q is missing or empty", name)
		}
	}
	return nil
}

// field reads one, with its name.
func (p *lookupParser) field(seen map[string]bool) error {
	begin := p.next()
	key, err := p.dec.Token()
	if err != nil {
		return p.notJSON(err, "the body")
	}
	name := key.(string) // the decoder takes nothing else for a key
	field := p.fields[name]
	switch {
	case field == nil:
		return p.wrong(begin, "unknown field %.64q", name)
	case seen[name]:
		return p.wrong(begin, "field %q is there twice", name)
	}
	seen[name] = true
	begin = p.next()
	value, err := p.dec.Token()
	if err != nil {
		return p.notJSON(err, fmt.Sprintf("field %q", name))
	}
	text, ok := value.(string)
	switch {
	case !ok:
		return p.wrong(begin, "field %q is not a string", name)
	case len(text) > MaxField:
		return p.wrong(begin, "field %q has %d bytes, more than %d", name, len(text), MaxField)
	}
	*field = text
	return nil
}

// next is where the next token begins.
func (p *lookupParser) next() int {
	i := int(p.dec.InputOffset())
	for i < len(p.body) && strings.IndexByte(" \t\r\n,:", p.body[i]) >= 0 {
		i++
	}
	return i
}

// wrong is an error with its place: columns in bytes, both from 1.
func (p *lookupParser) wrong(at int, format string, args ...any) error {
	before := p.body[:min(at, len(p.body))]
	line, column := 1+bytes.Count(before, []byte("\n")), len(before)-bytes.LastIndexByte(before, '\n')
	return fmt.Errorf("line %d, column %d: %w", line, column, fmt.Errorf(format, args...))
}

func (p *lookupParser) notJSON(err error, what string) error {
	at := len(p.body) // it ends too early
	if syntax := new(json.SyntaxError); errors.As(err, &syntax) {
		at = max(0, int(syntax.Offset)-1)
	}
	return p.wrong(at, "%s is not JSON: %.100s", what, err)
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
