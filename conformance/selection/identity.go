package selection

import (
	"crypto/sha256"
	"encoding/hex"
	"path"
	"strings"
	"unicode"
	"unicode/utf8"
)

// longestSlug keeps every part of an ID, with a hash behind it, below the 255 bytes of a file name: a case's
// evidence lies in a folder named after it.
const longestSlug = 100

// slug makes a part of an ID out of words: small letters and digits, everything else one hyphen.
func slug(words string) string {
	var b strings.Builder
	gap := false
	for _, r := range strings.ToLower(words) {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			gap = true
			continue
		}
		if gap && b.Len() > 0 {
			b.WriteByte('-')
		}
		gap = false
		if b.Len()+utf8.RuneLen(r) > longestSlug {
			break
		}
		b.WriteRune(r)
	}
	return strings.TrimRight(b.String(), "-")
}

// digest tells apart what a slug can't.
func digest(words string) string {
	sum := sha256.Sum256([]byte(words))
	return hex.EncodeToString(sum[:4])
}

// id is the part of a case's ID that says which file: "flow/lookup". Where the file's path can't be read from
// it, it gets a digest, so that no two files share one; the user's own files begin with "own".
func (f file) id() string {
	place := f.suite
	if f.own() {
		place = f.path
	}
	stem := strings.TrimSuffix(place, ".feature")
	var parts []string
	for part := range strings.SplitSeq(stem, "/") {
		if s := slug(part); s != "" {
			parts = append(parts, s)
		}
	}
	id := strings.Join(parts, "/")
	if id != stem {
		id += "-" + digest(place)
	}
	if f.own() {
		return path.Join("own", id)
	}
	return id
}

// name is what tells a case from the others of its file.
type name struct {
	scenario string   // as written, with a row's placeholders
	values   []string // of the row's columns that the name doesn't mention
	full     string   // all of it, to tell apart what is spelled alike
}

func (n name) slug() string {
	return path.Join(slug(n.scenario), slug(strings.Join(n.values, " ")))
}

// caseIDs names the cases of one file. A case keeps its ID when others come, go or move, unless they are
// spelled alike but for signs: then each gets a digest of its own full name.
func caseIDs(place string, names []name) []string {
	alike := make(map[string]int)
	for _, n := range names {
		alike[n.slug()]++
	}
	ids := make([]string, len(names))
	for i, n := range names {
		s := n.slug()
		if alike[s] > 1 || s == "" || slug(n.scenario) == "" {
			s = strings.TrimPrefix(s+"-"+digest(n.full), "-")
		}
		ids[i] = path.Join(place, s)
	}
	return ids
}
