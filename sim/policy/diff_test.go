package policy_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/sim/policy"
)

// changed is the document's list with one thing changed in its text.
func changed(t *testing.T, change func(p *policy.Policy)) *policy.Policy {
	t.Helper()
	p := embedded(t, policy.CloudProxyTest)
	p.File = "new.yaml"
	change(p)
	return p
}

func TestDiff(t *testing.T) {
	list := embedded(t, policy.CloudProxyTest)
	t.Run("the same rows by other names", func(t *testing.T) {
		d := policy.Diff(list, changed(t, func(p *policy.Policy) {
			for i := range p.Entries {
				p.Entries[i].ID = "x" + p.Entries[i].ID
			}
		}))
		require.Empty(t, d.Added)
		require.Empty(t, d.Removed)
		require.False(t, d.Broken())
		require.Equal(t, "from cloud-proxy-test.yaml to new.yaml\n\nnothing added\n\nnothing removed\n\nno call breaks in between\n", d.Text())
	})
	t.Run("a relay moved", func(t *testing.T) {
		d := policy.Diff(list, changed(t, func(p *policy.Policy) {
			p.Entries[0].Destinations[0] = destination(t, "192.0.2.138")
		}))
		require.Equal(t, []policy.Change{{Protocol: "TCP", Destination: "192.0.2.138", Ports: "443, 3433-3460, 4000", Rows: "T1"}}, d.Added)
		require.Equal(t, []policy.Change{{Protocol: "TCP", Destination: "23.236.115.138", Ports: "443, 3433-3460, 4000", Rows: "T1"}}, d.Removed)
		require.Equal(t, []policy.Break{
			{When: policy.FirewallBehind, Purpose: "messages", Words: "calls that are sent to TCP 192.0.2.138 (443, 4000) for messages; others of its rows are open"},
			{When: policy.FirewallBehind, Purpose: "media", Words: "calls that are sent to TCP 192.0.2.138 (3433-3460) for media; others of its rows are open"},
			{When: policy.FirewallAhead, Purpose: "messages", Words: "calls that are sent to TCP 23.236.115.138 (443, 4000) for messages; others of its rows are open"},
			{When: policy.FirewallAhead, Purpose: "media", Words: "calls that are sent to TCP 23.236.115.138 (3433-3460) for media; others of its rows are open"},
		}, d.Breaks)
	})
	t.Run("all edges gone", func(t *testing.T) {
		d := policy.Diff(list, changed(t, func(p *policy.Policy) { p.Entries = append(p.Entries[:3:3], p.Entries[7:]...) }))
		require.Empty(t, d.Added)
		require.Len(t, d.Removed, 4)
		require.Equal(t, []policy.Break{{When: policy.FirewallAhead, Purpose: "edge", Total: true, Words: "every call: nothing for edge is open"}}, d.Breaks)
	})
	t.Run("recommended rows break nothing", func(t *testing.T) {
		d := policy.Diff(list, changed(t, func(p *policy.Policy) {
			e := p.Entries[9]
			e.ID, e.Level, e.Destinations = "extra", policy.Recommended, []policy.Destination{destination(t, "192.0.2.9")}
			p.Entries = append(p.Entries, e)
		}))
		require.Len(t, d.Added, 1)
		require.False(t, d.Broken())
	})
	t.Run("ports within a range, hosts within a network", func(t *testing.T) {
		row := func(dest, ports string) *policy.Policy {
			return parse(t, "p.yaml", rows("", `id: T1, protocols: UDP, destinations: "`+dest+`", ports: `+ports+`, purpose: media`))
		}
		d := policy.Diff(row("192.0.2.0/24", "100-200"), row("192.0.2.16/28", "150"))
		require.Equal(t, []policy.Change{
			{Protocol: "UDP", Destination: "192.0.2.0/28", Ports: "100-200", Rows: "T1"},
			{Protocol: "UDP", Destination: "192.0.2.16/28", Ports: "100-149, 151-200", Rows: "T1"},
			{Protocol: "UDP", Destination: "192.0.2.32-192.0.2.255", Ports: "100-200", Rows: "T1"},
		}, d.Removed)
		d = policy.Diff(row("*.example.com", "100-200"), row("a.b.example.com", "150-250"))
		require.Equal(t, []policy.Change{{Protocol: "UDP", Destination: "a.b.example.com", Ports: "201-250", Rows: "T1"}}, d.Added)
		require.Equal(t, []policy.Change{{Protocol: "UDP", Destination: "*.example.com", Ports: "100-200", Rows: "T1"}}, d.Removed)
	})
	t.Run("JSON", func(t *testing.T) {
		text, err := json.Marshal(policy.Diff(list, list))
		require.NoError(t, err)
		require.JSONEq(t, `{"old": "cloud-proxy-test.yaml", "new": "cloud-proxy-test.yaml", "facts": [], "added": [], "removed": [], "breaks": []}`, string(text))
	})
}

func destination(t *testing.T, text string) policy.Destination {
	t.Helper()
	d, err := policy.ParseDestination(text)
	require.NoError(t, err)
	return d
}

const diffText = `from cloud-proxy-test.yaml to cloud-proxy-production.yaml
  id: cloud-proxy-test -> cloud-proxy-production
  vendor: Agora -> Example vendor
  source: Agora Web SDK, "Cloud Proxy", Implementation, step 4 -> the vendor's letter about this account
  as-of: (none) -> 2026-01-15
  stage: test -> production
  region: (none) -> Europe

added
  + TCP *.relay.cloud-proxy.example  443, 3433-3460, 4000  (relay)
  + TCP edge-1.cloud-proxy.example  443  (edge)
  + TCP edge-2.cloud-proxy.example  443  (edge)
  + UDP 203.0.113.25  3478-3500  (media-2025)
  + UDP *.relay.cloud-proxy.example  3478-3500  (media)

removed
  - TCP 23.236.115.138  443, 3433-3460, 4000  (T1)
  - TCP 47.74.211.17  443  (T4)
  - TCP 47.96.234.219  443  (T7)
  - TCP 52.52.84.170  443  (T6)
  - TCP 52.80.192.229  443  (T5)
  - TCP 148.153.66.218  443, 3433-3460, 4000  (T2)
  - TCP 164.52.87.25  443, 3433-3460, 4000  (T3)
  - UDP 23.236.115.138  3478-3500  (T8)
  - UDP 148.153.66.218  3478-3500  (T10)
  - UDP 164.52.87.25  3478-3500  (T9)

while the firewall has the old list and the service uses the new one, these break
  every call: nothing for edge is open
  every call: nothing for messages is open
  every call: nothing for media is open

while the firewall has the new list only and the service still uses the old one, these break
  every call: nothing for messages is open
  every call: nothing for media is open
  every call: nothing for edge is open

Open what is added before the service moves, and close what is removed after the last call has moved: with
both lists open nothing breaks.
`

func TestDiffText(t *testing.T) {
	require.Equal(t, diffText, policy.Diff(embedded(t, policy.CloudProxyTest), embedded(t, "cloud-proxy-production")).Text())
}

// TestAnyPortIsAllOfThem compares the two ways to write it: nobody needs port 0.
func TestAnyPortIsAllOfThem(t *testing.T) {
	row := func(ports string) *policy.Policy {
		return parse(t, "list.yaml", "id: list\nentries:\n- {id: A, protocols: UDP, destinations: 192.0.2.1, ports: "+ports+"}\n")
	}
	for _, d := range []policy.Difference{policy.Diff(row("any"), row("1-65535")), policy.Diff(row("1-65535"), row("any"))} {
		require.Empty(t, d.Added)
		require.Empty(t, d.Removed)
		require.False(t, d.Broken())
	}
}
