package reports_test

import (
	"bytes"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/conformance/load"
	"github.com/proxyspec/proxyspec/conformance/shard"
	"github.com/proxyspec/proxyspec/reports"
)

// crowd is a report with something of everything.
func crowd() *load.Report {
	return &load.Report{
		Plan: load.Plan{Users: 1000, WebRTC: 20, Seed: 7, Capacity: 20_000_000}.WithDefaults(), Joined: 990,
		Failed: map[string]int{"media-silent": 4, "scale-exceeded": 6}, Refusals: map[string]int{"lookup.refused scale-exceeded": 6},
		Join: load.Times{552: 700, 610: 200, 1200: 80, 4800: 10}, Lost: 3, Rejoined: 2, Reconnect: load.Times{1500: 1, 3100: 1},
		Media: load.Media{Sent: 100_000, Returned: 99_000, In: 199_500, Out: 199_000, Dropped: 500}, WebRTC: load.Media{Sent: 2000, Returned: 1990},
		Messages: load.Messages{Sent: 990, Delivered: 990, Received: 989},
		Memory:   load.Memory{Before: 10 << 20, Holding: 250 << 20, System: 400 << 20, Goroutines: 12_192},
		Joining:  load.Phase{Virtual: 11 * time.Second, Wall: 9 * time.Second},
		Holding:  load.Phase{Virtual: 10 * time.Second, Wall: 5 * time.Second, CPU: 4 * time.Second, Relayed: 199_000},
	}
}

func TestLoadGolden(t *testing.T) {
	r := crowd()
	golden(t, "load.html", func(w io.Writer) error { return reports.LoadHTML(w, r, load.Goal{}.WithDefaults().Missed(r)) })
	golden(t, "knee.html", func(w io.Writer) error { return reports.KneeHTML(w, knee()) })
}

func knee() *load.Knee {
	missed := []string{"99 of 100 joins took up to 6.1s: the limit is 5s", "1.20 % of media was lost: the limit is 1.00 %"}
	return &load.Knee{Users: 1000, Best: crowd(), Missed: missed, Tried: []load.Trial{{Users: 500}, {Users: 1000}, {Users: 2000, Missed: missed}, {Users: 1050, Missed: missed[1:]}}}
}

// Every page says what it is about, and needs nothing from elsewhere.
func TestLoadPages(t *testing.T) {
	for headline, write := range map[string]func(io.Writer) error{
		"1000 users were served well": func(w io.Writer) error { return reports.LoadHTML(w, crowd(), nil) },
		"1000 users were not served well": func(w io.Writer) error {
			return reports.LoadHTML(w, crowd(), []string{"why"})
		},
		"500 users were served well": func(w io.Writer) error {
			half := crowd()
			half.Plan.Shard = shard.Shard{Index: 1, Count: 2}
			return reports.LoadHTML(w, half, nil)
		},
		"1 user was not served well": func(w io.Writer) error { // who never joined
			return reports.LoadHTML(w, &load.Report{Plan: load.Plan{Users: 1}.WithDefaults()}, []string{"why"})
		},
		"The knee is at 1000 users": func(w io.Writer) error { return reports.KneeHTML(w, knee()) },
		"No knee up to 1000 users": func(w io.Writer) error {
			return reports.KneeHTML(w, &load.Knee{Users: 1000, Most: true, Best: crowd(), Tried: []load.Trial{{Users: 1000}}})
		},
		"Even 10 users are too many": func(w io.Writer) error {
			return reports.KneeHTML(w, &load.Knee{Missed: []string{"why"}, Tried: []load.Trial{{Users: 10, Missed: []string{"why"}}}})
		},
	} {
		var b bytes.Buffer
		require.NoError(t, write(&b))
		require.Contains(t, b.String(), "<title>"+headline+"</title>")
		for _, outside := range []string{"http:", "https:", "src=", "url(", "@import", "<link", "fetch("} {
			require.NotContains(t, b.String(), outside)
		}
	}
}
