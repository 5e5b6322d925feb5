package load

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"
)

// Times is how long something took, often: how many times each whole millisecond. In JSON it is a list of
// [milliseconds, count].
type Times map[int64]int

// Add adds one more.
func (t Times) Add(d time.Duration) { t[d.Milliseconds()]++ }

// Count is how many there are.
func (t Times) Count() (n int) {
	for _, times := range t {
		n += times
	}
	return n
}

// Percentile is what p percent of all took at most (the nearest rank); 0 of none.
func (t Times) Percentile(p float64) time.Duration {
	rank := int(float64(t.Count())*p/100 + 0.999999)
	for _, ms := range slices.Sorted(maps.Keys(t)) {
		if rank -= t[ms]; rank <= 0 {
			return time.Duration(ms) * time.Millisecond
		}
	}
	return 0
}

// MarshalJSON implements json.Marshaler.
func (t Times) MarshalJSON() ([]byte, error) {
	pairs := make([][2]int64, 0, len(t))
	for _, ms := range slices.Sorted(maps.Keys(t)) {
		pairs = append(pairs, [2]int64{ms, int64(t[ms])})
	}
	return json.Marshal(pairs)
}

// UnmarshalJSON implements json.Unmarshaler.
func (t *Times) UnmarshalJSON(text []byte) error {
	var pairs [][2]int64
	if err := json.Unmarshal(text, &pairs); err != nil {
		return fmt.Errorf("times are a list of [milliseconds, count]: %w", err)
	}
	*t = Times{}
	for _, p := range pairs {
		(*t)[p[0]] += int(p[1])
	}
	return nil
}
