package websdk

import (
	"embed"
	"fmt"
	"regexp"
)

// joined is the modules, with all of them in Main. A browser asks for a module when it has read the one that imports it, and
// each passes through five processes: the ten took a page 0.35 s beside other work, and as one script, which is how
// vendors ship theirs, 0.15 s.
type joined struct {
	embed.FS
	main []byte
}

func (j joined) ReadFile(name string) ([]byte, error) {
	if name == Main {
		return j.main, nil
	}
	return j.FS.ReadFile(name)
}

var (
	imports = regexp.MustCompile(`(?m)^import .*'\./(.+)'\n`)
	exports = regexp.MustCompile(`(?m)^export `)
)

// join puts before a module those that it imports, each once. They then share one scope, as files of a Go package do: no
// name may stand for two things.
func join(modules embed.FS, name string) (text []byte) {
	seen := map[string]bool{}
	var add func(name string)
	add = func(name string) {
		if seen[name] {
			return
		}
		seen[name] = true
		own, err := modules.ReadFile(name)
		if err != nil {
			panic(fmt.Sprintf("join the modules: %v", err)) // one imports what there isn't
		}
		for _, found := range imports.FindAllSubmatch(own, -1) {
			add(string(found[1]))
		}
		text = append(text, exports.ReplaceAll(imports.ReplaceAll(own, nil), nil)...)
	}
	add(name)
	return text
}
