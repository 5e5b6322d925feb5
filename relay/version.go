package relay

import (
	"regexp"
	"strconv"
)

// versionForm is SemVer 2.0.0 (sections 2, 9 and 10) with an optional "v" and an optional fourth
// number, both of which published SDKs have had. Nine digits fit an int everywhere.
var versionForm = regexp.MustCompile(`^v?` +
	`(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})(?:\.(0|[1-9]\d{0,8}))?` +
	`(-(?:[0-9A-Za-z-]+)(?:\.[0-9A-Za-z-]+)*)?` +
	`(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?$`)

// version is an SDK's version as far as it decides precedence: build metadata doesn't (SemVer 10).
type version struct {
	numbers    [4]int // the fourth is 0 where there is none
	prerelease bool
}

// oldest is the first SDK version with the cloud proxy.
var oldest = version{numbers: [4]int{2, 5, 1, 0}}

func parseVersion(s string) (v version, ok bool) {
	parts := versionForm.FindStringSubmatch(s)
	if parts == nil {
		return version{}, false
	}
	for i := range v.numbers {
		if parts[1+i] != "" {
			v.numbers[i], _ = strconv.Atoi(parts[1+i]) // the form admits digits only
		}
	}
	v.prerelease = parts[5] != ""
	return v, true
}

// before compares number by number, never as text: 2.10.0 comes after 2.5.1. A pre-release comes
// before its release (SemVer 11.3); two pre-releases of one release count as equal, because no rule
// here needs their order.
func (v version) before(w version) bool {
	for i, n := range v.numbers {
		if n != w.numbers[i] {
			return n < w.numbers[i]
		}
	}
	return v.prerelease && !w.prerelease
}
