package mutant

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"regexp"
	"strings"

	"github.com/proxyspec/proxyspec/fakes/edge"
	"github.com/proxyspec/proxyspec/relay"
)

// lookups are edges that take a lookup for another one, or spoil their answer.
var lookups = []Mutant{
	{
		Name: "swaps-ports", Breaks: []string{"CP-FW-25"},
		Description: "takes messages on the ports for media, and media on those for messages",
		ground: cloudProxy(func(cfg *relay.Config) {
			for i := range cfg.Relays {
				r := &cfg.Relays[i]
				r.MessagePorts, r.TCPPorts = r.TCPPorts, r.MessagePorts
			}
		}),
	},
	{
		Name: "serves-one-version-less", Breaks: []string{"CP-VER-02"},
		Description: "serves clients of version 2.5.0",
		ground:      versions(func(v string) string { return strings.Replace(v, "2.5.0", "2.5.1", 1) }),
	},
	{
		Name: "serves-every-version", Breaks: []string{"CP-VER-02", "CP-VER-04"},
		Description: "serves clients of any version",
		ground:      numbers(func(string) string { return "2.5.1" }),
	},
	{
		Name: "needs-one-version-more", Breaks: []string{"CP-VER-01"},
		Description: "serves clients from version 2.5.2 on",
		ground:      versions(func(v string) string { return swap(v, "2.5.1", "2.5.0") }),
	},
	{
		Name: "version-without-v", Breaks: []string{"CP-VER-01"},
		Description: "takes v2.5.1 for no version",
		ground:      versions(func(v string) string { return strings.Replace(v, "v", "version ", 1) }),
	},
	{
		Name: "serves-one-version", Breaks: []string{"CP-VER-03"},
		Description: "serves clients of version 2.5.1 and of no later one",
		ground: numbers(func(v string) string {
			if v != "2.5.1" {
				return "2.5.0"
			}
			return v
		}),
	},
	{
		Name: "versions-as-text", Breaks: []string{"CP-VER-03"},
		Description: "compares versions letter by letter, so that 2.10.0 comes before 2.5.1",
		ground: numbers(func(v string) string {
			if v < "2.5.1" {
				return "2.5.0"
			}
			return "2.5.1"
		}),
	},
	{
		Name: "versions-as-decimals", Breaks: []string{"CP-VER-03"},
		Description: "looks at the first digit of each number of a version only",
		ground: numbers(func(v string) string {
			parts := strings.Split(v, ".")
			for i := range parts {
				parts[i] = parts[i][:1]
			}
			return strings.Join(parts, ".")
		}),
	},
	{
		Name: "serves-pre-releases", Breaks: []string{"CP-VER-04"},
		Description: "takes the pre-release 2.5.1-rc.1 for 2.5.1",
		ground:      versions(func(v string) string { before, _, _ := strings.Cut(v, "-"); return before }),
	},
	{
		Name: "refuses-builds", Breaks: []string{"CP-VER-04"},
		Description: "takes the build 2.5.1+b for a pre-release",
		ground:      versions(func(v string) string { return strings.Replace(v, "+", "-", 1) }),
	},
	{
		Name: "three-numbers-only", Breaks: []string{"CP-VER-05"},
		Description: "takes a version of four numbers for none",
		ground: numbers(func(v string) string {
			if strings.Count(v, ".") == 3 {
				return "four numbers"
			}
			return v
		}),
	},
	{
		Name: "guesses-versions", Breaks: []string{"CP-VER-06"},
		Description: "takes the current version where it can't read one",
		ground: versions(func(v string) string {
			if !strings.HasPrefix(strings.TrimPrefix(v, "v"), "2.5.0") && !numeric.MatchString(v) {
				return "3.0.0"
			}
			return v
		}),
	},
	{
		Name: "any-region", Breaks: []string{"CP-PROV-03"},
		Description: "serves every region, whatever the account says",
		ground:      hears(func(q *relay.LookupRequest) { q.Region = "" }),
	},
	{
		Name: "regions-in-any-case", Breaks: []string{"CP-PROV-03"},
		Description: "takes the region eu for EU",
		ground:      hears(func(q *relay.LookupRequest) { q.Region = strings.ToUpper(q.Region) }),
	},
	{
		Name: "no-region-no-service", Breaks: []string{"CP-PROV-03"},
		Description: "demands a region of every client",
		ground: hears(func(q *relay.LookupRequest) {
			if q.Region == "" {
				q.Region = "none"
			}
		}),
	},
	{
		Name: "counts-sessions", Breaks: []string{"CP-PROV-04"},
		Description: "counts a user who looks up once more as another one",
		ground:      hears(func(q *relay.LookupRequest) { q.UID = "" }),
	},
	{
		Name: "wrong-credentials", Breaks: []string{"CP-FLOW-02"},
		Description: "answers with credentials that its relays don't know",
		ground: answers(func(a *relay.LookupAnswer) {
			for i := range a.ICEServers {
				a.ICEServers[i].Credential = base64.StdEncoding.EncodeToString([]byte("twenty bytes or less"))
			}
		}),
	},
	{
		Name: "strange-sessions", Breaks: []string{"CP-FLOW-02"},
		Description: "answers with message URLs whose session its relays don't know",
		ground: answers(func(a *relay.LookupAnswer) {
			for i, u := range a.MessageURLs {
				a.MessageURLs[i] = u[:len(u)-1]
			}
		}),
	},
	{
		Name: "closed-ports", Breaks: []string{"CP-FLOW-02", "CP-LIST-05", "CP-RES-08"},
		Description: "answers with ports that its relays don't listen on",
		ground: answers(func(a *relay.LookupAnswer) {
			for i, u := range a.MessageURLs {
				a.MessageURLs[i] = strings.NewReplacer(":443/", ":444/", ":4000/", ":4001/").Replace(u)
			}
		}),
	},
}

// hears makes edges that take a lookup for another one.
func hears(change func(*relay.LookupRequest)) func() Ground {
	return at(relay.LookupPath, func() func(http.Handler) http.HandlerFunc {
		return func(next http.Handler) http.HandlerFunc {
			return func(w http.ResponseWriter, r *http.Request) {
				body, err := io.ReadAll(io.LimitReader(r.Body, relay.MaxRequest+1))
				var q relay.LookupRequest
				if err == nil && json.Unmarshal(body, &q) == nil {
					change(&q)
					body, _ = json.Marshal(q)
				}
				r = r.Clone(r.Context())
				r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
				next.ServeHTTP(w, r)
			}
		}
	})
}

// versions makes edges that take an SDK's version for another one.
func versions(taken func(string) string) func() Ground {
	return hears(func(q *relay.LookupRequest) { q.SDKVersion = taken(q.SDKVersion) })
}

var numeric = regexp.MustCompile(`^v?\d+\.\d+\.\d+(\.\d+)?([-+][0-9A-Za-z.-]+)?$`)

// numbers is versions for those that are well formed, without their v.
func numbers(taken func(string) string) func() Ground {
	return versions(func(v string) string {
		if !numeric.MatchString(v) {
			return v
		}
		return taken(strings.TrimPrefix(v, "v"))
	})
}

// swap is other if v is this version, with or without a v before it.
func swap(v, version, other string) string {
	if strings.TrimPrefix(v, "v") == version {
		return other
	}
	return v
}

// answers makes edges that spoil their answers.
func answers(spoil func(*relay.LookupAnswer)) func() Ground {
	return cloudProxy(func(cfg *relay.Config) {
		cfg.Wrap = func(next http.Handler) http.Handler { return edge.Altered(next, spoil) }
	})
}
