package policy

import (
	"cmp"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// Version is the version of an SDK, as far as it decides which list applies.
type Version struct {
	text       string
	numbers    [4]int // the fourth is 0 where there is none
	prerelease bool
}

// versionForm is SemVer 2.0.0 (sections 2, 9 and 10) with an optional "v" and an optional fourth number, both of
// which published SDKs have had. Nine digits fit an int everywhere.
var versionForm = regexp.MustCompile(`^v?` +
	`(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})(?:\.(0|[1-9]\d{0,8}))?` +
	`(-[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?$`)

// ParseVersion reads a version such as 2.5.1, v3.0.0 or 3.0.0.300.
func ParseVersion(text string) (Version, error) {
	parts := versionForm.FindStringSubmatch(text)
	if parts == nil {
		return Version{}, fmt.Errorf("%q is no version such as 2.5.1", text)
	}
	v := Version{text: text, prerelease: parts[5] != ""}
	for i := range v.numbers {
		if parts[1+i] != "" {
			v.numbers[i], _ = strconv.Atoi(parts[1+i]) // the form admits digits only
		}
	}
	return v, nil
}

// String is the version as it was written.
func (v Version) String() string { return v.text }

// Compare goes number by number, never as text: 2.10.0 comes after 2.5.1. A pre-release comes before its release
// (SemVer, section 11.3); two pre-releases of one release count as equal, because no list tells them apart.
func (v Version) Compare(w Version) int {
	for i, n := range v.numbers {
		if c := cmp.Compare(n, w.numbers[i]); c != 0 {
			return c
		}
	}
	switch {
	case v.prerelease == w.prerelease:
		return 0
	case v.prerelease:
		return -1
	}
	return 1
}

// VersionRange is the versions that satisfy all of some bounds: ">=2.5.1 <3.4.0". The zero value holds every
// version.
type VersionRange struct {
	text   string
	bounds []bound
}

type bound struct {
	operator string
	version  Version
}

var boundForm = regexp.MustCompile(`^\s*(>=|<=|=|>|<)?\s*([^\s,<>=]+)\s*,?`)

// ParseVersionRange reads bounds with spaces or commas between them. A version alone means just that one.
func ParseVersionRange(text string) (VersionRange, error) {
	r := VersionRange{text: strings.TrimSpace(text)}
	for rest := r.text; rest != ""; {
		parts := boundForm.FindStringSubmatch(rest)
		if parts == nil {
			return VersionRange{}, fmt.Errorf(`%q is no range of versions such as ">=2.5.1 <3.4.0"`, text)
		}
		v, err := ParseVersion(parts[2])
		if err != nil {
			return VersionRange{}, err
		}
		r.bounds = append(r.bounds, bound{parts[1], v})
		rest = rest[len(parts[0]):]
	}
	if len(r.bounds) == 0 {
		return VersionRange{}, fmt.Errorf(`no versions: write a range such as ">=2.5.1 <3.4.0"`)
	}
	return r, nil
}

// String is the range as it was written; empty for the zero value.
func (r VersionRange) String() string { return r.text }

// Contains tells whether the range holds a version.
func (r VersionRange) Contains(v Version) bool {
	for _, b := range r.bounds {
		c := v.Compare(b.version)
		ok := c == 0
		switch b.operator {
		case ">=":
			ok = c >= 0
		case "<=":
			ok = c <= 0
		case ">":
			ok = c > 0
		case "<":
			ok = c < 0
		}
		if !ok {
			return false
		}
	}
	return true
}
