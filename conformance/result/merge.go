package result

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Merge makes one run of several that ran parts of the same suite against the same SDK with the same seed, such as
// shards. The order of runs doesn't matter, and the result is what one run of everything would have found, but for
// when and how long. It is judged already.
func Merge(runs ...*Run) (*Run, error) {
	if len(runs) == 0 {
		return nil, errors.New("there is nothing to merge")
	}
	first := runs[0]
	merged := *first
	merged.Suite.Shard, merged.Suite.Selection = "", ""
	merged.Cases, merged.Requirements, merged.Stale = nil, slices.Clone(first.Requirements), nil
	merged.Interrupted, merged.Virtual = false, 0
	ended := first.Started.Add(first.Wall)
	name := func(i int) string { return cmp.Or(runs[i].Suite.Shard, fmt.Sprintf("report %d", i+1)) }
	for i, run := range runs {
		if err := mergeable(first, run); err != nil {
			return nil, fmt.Errorf("%s can't be merged with %s: %w", name(i), name(0), err)
		}
	}
	if err := complete(runs); err != nil {
		return nil, err
	}
	from := make(map[string]string) // case: what it was found in
	for i, run := range runs {
		for _, c := range run.Cases {
			if other, twice := from[c.ID]; twice {
				return nil, fmt.Errorf("%s and %s both have case %s", other, name(i), c.ID)
			}
			from[c.ID] = name(i)
		}
		merged.Cases = append(merged.Cases, run.Cases...)
		merged.Stale = append(merged.Stale, run.Stale...)
		merged.Interrupted = merged.Interrupted || run.Interrupted
		merged.Virtual += run.Virtual
		if run.Started.Before(merged.Started) {
			merged.Started = run.Started
		}
		if end := run.Started.Add(run.Wall); end.After(ended) {
			ended = end
		}
	}
	merged.Wall = max(ended.Sub(merged.Started), time.Duration(0))
	slices.Sort(merged.Stale)
	merged.Stale = slices.Compact(merged.Stale)
	SortCases(merged.Cases)
	Judge(&merged)
	return &merged, nil
}

// SortCases puts cases into the order of the suite: by file and line, a user's own last.
func SortCases(cases []Case) {
	slices.SortStableFunc(cases, func(a, b Case) int {
		own := func(c Case) int {
			if c.Own {
				return 1
			}
			return 0
		}
		return cmp.Or(cmp.Compare(own(a), own(b)), cmp.Compare(a.Path, b.Path), cmp.Compare(a.Line, b.Line), cmp.Compare(a.ID, b.ID))
	})
}

func mergeable(a, b *Run) error {
	for _, fact := range []struct{ what, a, b string }{
		{"schema", a.Schema, b.Schema},
		{"suite", a.Suite.Digest, b.Suite.Digest},
		{"SDK", a.SDK.words(), b.SDK.words()},
		{"seed", fmt.Sprint(a.Seed), fmt.Sprint(b.Seed)},
		{"program", a.Tool.Name + " " + a.Tool.Version + ", " + a.Tool.GoVersion, b.Tool.Name + " " + b.Tool.Version + ", " + b.Tool.GoVersion},
		{"environment", a.Environment.OS + "/" + a.Environment.Arch, b.Environment.OS + "/" + b.Environment.Arch},
		{"profile", fmt.Sprint(a.Profile.claimed()), fmt.Sprint(b.Profile.claimed())},
	} {
		if fact.a != fact.b {
			return fmt.Errorf("its %s is another: %s, not %s", fact.what, fact.b, fact.a)
		}
	}
	if !slices.Equal(a.Limits, b.Limits) {
		return errors.New("it was run with other limits")
	}
	if !slices.Equal(a.Expectations, b.Expectations) {
		return errors.New("it was run with other expectations")
	}
	return nil
}

func (s SDK) words() string {
	words := fmt.Sprintf("%s %s (--sdk %s, %s, %s network)", s.Name, s.Version, s.Selected, s.Adapter, s.Network)
	if s.Program != "" {
		words += ", which ran " + s.Program
	}
	return words
}

func (p *Profile) claimed() []string {
	if p == nil {
		return nil
	}
	return p.Claims
}

// complete looks for a shard that is missing, or that is one of another selection, where what the missing one has was
// run by nobody: without it the merged report would look like a whole one.
func complete(runs []*Run) error {
	seen := make(map[string]bool)
	var first *Run
	count := 0
	for _, run := range runs {
		var i, n int
		if _, err := fmt.Sscanf(run.Suite.Shard, "%d/%d", &i, &n); err != nil {
			continue
		}
		if count != 0 && n != count {
			return fmt.Errorf("these are shards of different runs: of %d and of %d", count, n)
		}
		if first == nil {
			first, count = run, n
		}
		if run.Suite.Selection != first.Suite.Selection {
			return fmt.Errorf("%s and %s are shards of different runs: give each of them the same paths and --tags", first.Suite.Shard, run.Suite.Shard)
		}
		seen[run.Suite.Shard] = true
	}
	var missing []string
	for i := range count {
		if name := fmt.Sprintf("%d/%d", i+1, count); !seen[name] {
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 {
		return fmt.Errorf("shard %s is missing", strings.Join(missing, ", "))
	}
	return nil
}
