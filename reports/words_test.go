package reports

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/conformance/result"
)

func TestSpan(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0:                         "0 µs",
		850 * time.Microsecond:    "850 µs",
		42 * time.Millisecond:     "42 ms",
		999999 * time.Microsecond: "999 ms",
		2440 * time.Millisecond:   "2.4 s",
		59990 * time.Millisecond:  "59.9 s",
		time.Minute:               "1 min",
		192 * time.Second:         "3 min 12 s",
		14*time.Hour + 3*time.Minute + 59*time.Second: "14 h 3 min",
		47*time.Hour + 59*time.Minute:                 "47 h 59 min",
		73 * time.Hour:                                "3 days 1 h",
		-2 * time.Second:                              "-2.0 s",
	} {
		require.Equal(t, want, span(d))
	}
}

func TestClock(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0:                         "0.000",
		42 * time.Millisecond:     "0.042",
		59999 * time.Millisecond:  "59.999",
		61042 * time.Millisecond:  "1:01.042",
		time.Hour + 2*time.Second: "1:00:02.000",
	} {
		require.Equal(t, want, clock(d))
	}
}

func TestListOf(t *testing.T) {
	require.Equal(t, "", listOf(nil, 3))
	require.Equal(t, "a", listOf([]string{"a"}, 3))
	require.Equal(t, "a and b", listOf([]string{"a", "b"}, 3))
	require.Equal(t, "a, b and c", listOf([]string{"a", "b", "c"}, 3))
	require.Equal(t, "a, b, c and 2 more", listOf([]string{"a", "b", "c", "d", "e"}, 3))
}

func TestHeadlineOfEachVerdict(t *testing.T) {
	requirements := func(first, second, ground result.Outcome) *result.Run {
		return &result.Run{Requirements: []result.Requirement{
			{ID: "CP-FLOW-01", Level: result.Must, Subject: "sdk", Outcome: first},
			{ID: "CP-FLOW-02", Level: result.Must, Subject: "sdk", Outcome: second},
			{ID: "CP-FW-01", Level: result.Must, Subject: "firewall", Outcome: ground},
		}, SDK: result.SDK{Adapter: "exec"}}
	}
	for _, tt := range []struct {
		verdict string
		run     *result.Run
		want    string
		reasons []string
	}{
		{result.Conformant, requirements(result.Pass, result.Pass, result.Pass),
			"Conformant: all 2 MUST requirements for the SDK passed.", nil},
		{result.NotConformant, requirements(result.Fail, result.KnownFailure, result.Pass),
			"Not conformant: 2 of 2 MUST requirements for the SDK failed.",
			[]string{"Of the MUSTs for the SDK, 1 failed as expected, which doesn't change the verdict."}},
		{result.Partial, requirements(result.Pass, result.Uncovered, result.Pass),
			"Partial: no MUST requirement for the SDK failed, but only 1 of 2 passed.",
			[]string{"Of the MUSTs for the SDK, 1 has no scenario yet."}},
		{result.Partial, requirements(result.NotRun, result.NotSupported, result.Pass),
			"Partial: no MUST requirement for the SDK failed, but none of 2 passed.",
			[]string{"Of the MUSTs for the SDK, 1 is not supported by the SDK and 1 did not run."}},
		{result.Unsound, requirements(result.Pass, result.Pass, result.Fail),
			"Unsound: this run says nothing about the SDK.",
			[]string{"The ground failed: CP-FW-01. What an SDK does on such ground proves nothing."}},
		{result.Unsound, requirements(result.HarnessFault, result.Pass, result.Pass),
			"Unsound: this run says nothing about the SDK.",
			[]string{"The harness or the adapter broke in the test of CP-FLOW-01.",
				`"proxyspec sdk check COMMAND" tries the adapter by itself, and says who is to blame.`}},
		{"", requirements(result.Pass, result.Pass, result.Pass), "This run was not judged.", nil},
	} {
		tt.run.Verdict = tt.verdict
		require.Equal(t, tt.want, headline(tt.run))
		require.Equal(t, tt.reasons, reasons(tt.run))
	}
}
