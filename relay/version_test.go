package relay

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestVersionGate(t *testing.T) {
	const served, tooOld, malformed = "served", CodeVersionUnsupported, CodeVersionMalformed
	for sdkVersion, want := range map[string]string{
		"2.5.1": served, "v2.5.1": served, // CP-VER-01
		"2.5.0": tooOld, "v2.5.0": tooOld, "2.4.99": tooOld, "1.99.99": tooOld, "0.0.0": tooOld, // CP-VER-02
		"2.5.10": served, "2.10.0": served, "3.0.0": served, "10.0.0": served, // CP-VER-03
		"2.5.1-rc.1": tooOld, "2.5.1+b": served, "2.5.1-rc.1+b": tooOld, "2.5.0+b": tooOld, // CP-VER-04
		"2.5.2-rc.1": served, "2.5.1+b-c.9": served, "2.5.1--": tooOld,
		"3.0.0.300": served, "2.5.1.0": served, "2.5.0.999": tooOld, // CP-VER-05
		"2.5.1.0-rc.1": tooOld, "2.5.1.1-rc.1": served,
		"": malformed, "2.5": malformed, "2.5.x": malformed, // CP-VER-06
		"2": malformed, "v": malformed, "V2.5.1": malformed, "vv2.5.1": malformed, "2.5.1.": malformed,
		".2.5.1": malformed, "2..5.1": malformed, "2.5.1.0.0": malformed, "2.5.01": malformed, "-2.5.1": malformed,
		"+2.5.1": malformed, "2.5.1-": malformed, "2.5.1+": malformed, "2.5.1-a..b": malformed, "2.5.1-a_b": malformed,
		" 2.5.1": malformed, "2.5.1\n": malformed, "2.5.1\x00": malformed, "٢.٥.١": malformed,
		"2.5.9999999999999999999": malformed,
	} {
		got := served
		if v, ok := parseVersion(sdkVersion); !ok {
			got = malformed
		} else if v.before(oldest) {
			got = tooOld
		}
		require.Equal(t, want, got, "%q", sdkVersion)
	}
}

// FuzzVersion holds the gate against what it is meant to ignore: the v, build metadata, a fourth zero.
func FuzzVersion(f *testing.F) {
	for _, s := range []string{"2.5.1", "2.5.0", "2.10.0", "3.0.0.300", "2.5.1-rc.1", "2.5.x", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		v, ok := parseVersion(s)
		if !ok {
			return
		}
		require.False(t, v.before(v))
		require.Equal(t, v.before(oldest), !oldest.before(v) && v != oldest)
		if s[0] != 'v' {
			prefixed, ok := parseVersion("v" + s)
			require.True(t, ok)
			require.Equal(t, v, prefixed)
		}
		if built, ok := parseVersion(s + "+b"); ok {
			require.Equal(t, v, built)
		}
	})
}
