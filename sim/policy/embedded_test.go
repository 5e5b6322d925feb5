package policy_test

import (
	"bytes"
	"encoding/json"
	"net/netip"
	"sync"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/sim/firewall"
	"github.com/proxyspec/proxyspec/sim/policy"
)

var office = netip.MustParsePrefix("10.0.0.0/24")

func embedded(t testing.TB, name string) *policy.Policy {
	t.Helper()
	p, err := policy.Embedded(name)
	require.NoError(t, err)
	return p
}

func parse(t testing.TB, name, source string) *policy.Policy {
	t.Helper()
	p, err := policy.Parse(name, []byte(source))
	require.NoError(t, err)
	return p
}

// TestCloudProxyTestIsTheWhitelist compares the shipped file with the table that was typed in for package firewall.
func TestCloudProxyTestIsTheWhitelist(t *testing.T) {
	p := embedded(t, policy.CloudProxyTest)
	require.Equal(t, firewall.Whitelist(), p.Compile(policy.Use{}))
	sources := []netip.Prefix{netip.MustParsePrefix("10.0.0.2/32"), office}
	require.Equal(t, firewall.Whitelist(sources...), p.Compile(policy.Use{Sources: sources}))
	require.Equal(t, uint64(163), p.Pairs())
}

func TestEmbeddedPoliciesAreSound(t *testing.T) {
	for _, name := range policy.EmbeddedNames() {
		t.Run(name, func(t *testing.T) {
			p := embedded(t, name)
			require.Equal(t, name, p.ID)
			require.Zero(t, p.Lint(policy.LintOptions{}).Count(policy.SeverityError))
			source, err := policy.EmbeddedSource(name)
			require.NoError(t, err)
			require.NoError(t, validate(t, source))
		})
	}
	_, err := policy.Embedded("cloud-proxy-tset")
	require.EqualError(t, err, `no policy "cloud-proxy-tset" comes with this program: `+
		`there are cloud-proxy-test, cloud-proxy-production, vendor-lists; did you mean "cloud-proxy-test"?`)
}

// TestStandIn shows that the list for real kernels has the document's rows and none of its addresses.
func TestStandIn(t *testing.T) {
	real, standIn := firewall.Whitelist(), policy.StandIn().Compile(policy.Use{})
	require.Len(t, standIn.Rules, len(real.Rules))
	for i, r := range standIn.Rules {
		before, after := real.Rules[i].Destinations[0].Addr().As4(), r.Destinations[0].Addr().As4()
		require.Equal(t, before[3], after[3], r.ID)
		documentation := false
		for _, block := range []string{"192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24"} {
			documentation = documentation || netip.MustParsePrefix(block).Contains(r.Destinations[0].Addr())
		}
		require.True(t, documentation, "%v", r.Destinations)
		r.Destinations = real.Rules[i].Destinations
		require.Equal(t, real.Rules[i], r)
	}
}

// validate holds YAML or JSON against the published schema.
func validate(t testing.TB, source []byte) error {
	t.Helper()
	plain := source
	if !json.Valid(source) {
		var err error
		plain, err = yaml.YAMLToJSON(source)
		require.NoError(t, err)
	}
	instance, err := jsonschema.UnmarshalJSON(bytes.NewReader(plain))
	require.NoError(t, err)
	return schema().Validate(instance)
}

// schema is compiled once: fuzzing asks for it thousands of times.
var schema = sync.OnceValue(func() *jsonschema.Schema {
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(policy.Schema))
	if err != nil {
		panic(err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("policy.schema.json", document); err != nil {
		panic(err)
	}
	return compiler.MustCompile("policy.schema.json")
})

// TestSchemaKnowsTheFields compares the schema's fields with those that the reader knows.
func TestSchemaKnowsTheFields(t *testing.T) {
	require.True(t, json.Valid(policy.Schema))
	for _, tc := range []struct {
		name, source string
		sound        bool
	}{
		{"least", "id: a\nentries: []", true},
		{"all fields", full, true},
		{"unknown field", "id: a\nentires: []\nentries: []", false},
		{"unknown field of an entry", "id: a\nentries:\n  - {id: T1, protocols: TCP, destinations: 192.0.2.1, ports: 1, prots: 2}", false},
		{"no id", "entries: []", false},
		{"no entries", "id: a", false},
		{"no ports", "id: a\nentries:\n  - {id: T1, protocols: TCP, destinations: 192.0.2.1}", false},
		{"stage", "id: a\nstage: prod\nentries: []", false},
		{"protocol", "id: a\nentries:\n  - {id: T1, protocols: ICMP, destinations: 192.0.2.1, ports: 1}", false},
		{"port 0", "id: a\nentries:\n  - {id: T1, protocols: TCP, destinations: 192.0.2.1, ports: 0}", false},
		{"number for text", "id: a\nvendor: 7\nentries: []", false},
		{"day", "id: a\nas-of: 2026-1-2\nentries: []", false},
		{"ID", "id: a/b\nentries: []", false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := policy.Parse("a.yaml", []byte(tc.source))
			require.Equal(t, tc.sound, err == nil, "the reader: %v", err)
			err = validate(t, []byte(tc.source))
			require.Equal(t, tc.sound, err == nil, "the schema: %v", err)
		})
	}
}

const full = `
$schema: ../policy.schema.json
id: all
vendor: Example
source: "here: and there"
as-of: 2026-01-31
stage: production
region: Europe
mode: cloud-proxy
sdk: ">=2.5.1 <3.4.0, >2.0.0"
entries:
  - id: T1
    protocols: [TCP, udp]
    destinations: [192.0.2.1, 198.51.100.0/24, 203.0.113.8 – 203.0.113.15, "2001:db8::/32", Relay.Example., "*.example.com"]
    ports: [443, "4000; 5000 – 5010", 6000]
    purpose: [a, b, c]
    level: recommended
    superseded-by: T2
    as-of: 2025-12-31
  - id: T2
    protocols: UDP
    destinations: 192.0.2.1
    ports: Any
`
