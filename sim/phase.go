package sim

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// words are the settings that need no value.
var words = map[string]setting{
	"down":    func(c *LinkConfig) { c.Down = true },
	"up":      func(c *LinkConfig) { c.Down = false },
	"hold":    func(c *LinkConfig) { c.Hold = true },
	"release": func(c *LinkConfig) { c.Hold = false },
	"clear":   nil,
}

// parsePhase reads "at TIME: SETTING, SETTING for TIME".
func parsePhase(line string) (phase, error) {
	rest, ok := strings.CutPrefix(line, "at ")
	when, what, colon := strings.Cut(rest, ":")
	if !ok || !colon {
		return phase{}, errors.New(`a phase reads "at TIME: SETTING, SETTING for TIME"`)
	}
	p := phase{}
	var err error
	if p.at, err = parseTime(when); err != nil {
		return phase{}, err
	}
	if before, long, ok := strings.Cut(what, " for "); ok {
		what = before
		if p.last, err = parseTime(long); err != nil {
			return phase{}, err
		}
		if p.last == 0 {
			return phase{}, errors.New("a phase of no time would do nothing")
		}
	}
	for _, text := range strings.Split(what, ",") {
		set, err := parseSetting(strings.Fields(separate(text)))
		if err != nil {
			return phase{}, err
		}
		p.set = append(p.set, set)
	}
	return p, nil
}

// separate puts a blank between a number and its unit.
func separate(text string) string {
	var b strings.Builder
	var before rune
	for _, r := range text {
		if number(before) && !number(r) && !unicode.IsSpace(r) {
			b.WriteByte(' ')
		}
		b.WriteRune(r)
		before = r
	}
	return b.String()
}

func number(r rune) bool { return unicode.IsDigit(r) || r == '.' }

func parseSetting(f []string) (setting, error) {
	if len(f) == 0 {
		return nil, errors.New("a setting is missing")
	}
	if set, ok := words[f[0]]; ok {
		if len(f) > 1 {
			return nil, fmt.Errorf("%s takes no value, such as %q", f[0], strings.Join(f[1:], " "))
		}
		return set, nil
	}
	set, err := parseValue(f[0], f[1:])
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f[0], err)
	}
	return set, nil
}

func parseValue(name string, f []string) (setting, error) {
	switch name {
	case "delay", "jitter":
		reordered := name == "jitter" && len(f) > 0 && f[len(f)-1] == "reordered"
		if reordered {
			f = f[:len(f)-1]
		}
		d, err := parseTime(strings.Join(f, " "))
		if name == "delay" {
			return func(c *LinkConfig) { c.Delay = d }, err
		}
		return func(c *LinkConfig) { c.Jitter, c.Reorder = d, reordered }, err
	case "loss":
		v, err := parseChances(f, 1)
		return func(c *LinkConfig) { c.Loss = v[0] }, err
	case "duplicate":
		v, err := parseChances(f, 1)
		return func(c *LinkConfig) { c.Duplicate = v[0] }, err
	case "damage":
		v, err := parseChances(f, 1)
		return func(c *LinkConfig) { c.Damage = v[0] }, err
	case "burst":
		v, err := parseChances(f, 2)
		return func(c *LinkConfig) { c.Burst = Burst{Enter: v[0], Leave: v[1]} }, err
	case "rate":
		v, err := parseUnits(f, map[string]float64{"bit": 1, "kbit": 1e3, "Mbit": 1e6, "Gbit": 1e9})
		return func(c *LinkConfig) { c.Rate = v }, err
	case "queue":
		v, err := parseUnits(f, map[string]float64{"B": 1, "kB": 1e3, "MB": 1e6})
		return func(c *LinkConfig) { c.Queue = int(v) }, err
	}
	return nil, errors.New("no such setting; there are delay, jitter, loss, burst, duplicate, damage, rate, queue, " +
		"down, up, hold, release and clear")
}

// parseChances reads percentages: "20 %".
func parseChances(f []string, count int) ([]float64, error) {
	out := make([]float64, count)
	if len(f) != 2*count {
		return out, fmt.Errorf("%q is not %d percentage(s), such as 20%%", strings.Join(f, " "), count)
	}
	for i := range out {
		v, err := strconv.ParseFloat(f[2*i], 64)
		if err != nil || f[2*i+1] != "%" || !(v >= 0 && v <= 100) {
			return out, fmt.Errorf("%q is no percentage from 0%% to 100%%", f[2*i]+f[2*i+1])
		}
		out[i] = v / 100
	}
	return out, nil
}

func parseUnits(f []string, units map[string]float64) (int64, error) {
	if len(f) == 2 {
		v, err := strconv.ParseFloat(f[0], 64)
		if unit, ok := units[f[1]]; ok && err == nil && v > 0 && v*unit < 1<<53 {
			return int64(v * unit), nil
		}
	}
	names := make([]string, 0, len(units))
	for _, name := range []string{"bit", "kbit", "Mbit", "Gbit", "B", "kB", "MB"} {
		if units[name] != 0 {
			names = append(names, name)
		}
	}
	return 0, fmt.Errorf("%q is not a number above 0 with one of the units %s", strings.Join(f, " "), strings.Join(names, ", "))
}

// parseTime reads times as people write them: "90s", "1 min", "1h30m".
func parseTime(text string) (time.Duration, error) {
	joined := strings.NewReplacer(" ", "", "min", "m").Replace(text)
	d, err := time.ParseDuration(joined)
	if err != nil || d < 0 {
		return 0, fmt.Errorf("%q is no time, such as 500ms, 30s, 1 min or 1h30m", strings.TrimSpace(text))
	}
	return d, nil
}
