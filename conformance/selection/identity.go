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
	scenario string   // with a row's values put in
	values   []string // of the row's columns that the scenario's name doesn't mention
	named    bool     // it does mention one, so its author chose how to name the rows
	full     string   // all of it, to tell apart what is spelled alike
}

// caseIDs names the cases of one file: by the scenario's name, then by a row's values where the name says
// nothing of the row or not enough, then by a digest where both are spelled alike but for signs. A case keeps its
// ID when others come, go or move, as long as nobody takes its name.
func caseIDs(place string, names []name) []string {
	ids := make([]string, len(names))
	for i, n := range names {
		ids[i] = slug(n.scenario)
		if !n.named {
			ids[i] = n.withValues()
		}
	}
	tellApart(ids, func(i int) string { return names[i].withValues() })
	tellApart(ids, func(i int) string { return strings.TrimPrefix(ids[i]+"-"+digest(names[i].full), "-") })
	for i := range ids {
		ids[i] = path.Join(place, ids[i])
	}
	return ids
}

func (n name) withValues() string {
	return path.Join(slug(n.scenario), slug(strings.Join(n.values, " ")))
}

// tellApart gives the IDs that are empty, or the same, another one each.
func tellApart(ids []string, other func(i int) string) {
	alike := make(map[string]int)
	for _, id := range ids {
		alike[id]++
	}
	for i, id := range ids {
		if id == "" || alike[id] > 1 {
			ids[i] = other(i)
		}
	}
}
