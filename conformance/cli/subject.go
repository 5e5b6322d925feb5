package cli

import (
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/proxyspec/proxyspec/conformance/browser"
	"github.com/proxyspec/proxyspec/conformance/runner"
	"github.com/proxyspec/proxyspec/text/nearest"
)

// subject is an SDK to test, and where.
type subject struct {
	SDK
	net string
	out string // the folder for its report
}

// subjects finds the SDKs of an order. Several have a folder each.
func (c *command) subjects(o order) (all []subject, err error) {
	var notes []string
	taken := make(map[string]bool)
	for i, name := range o.sdks {
		if slices.Contains(o.sdks[:i], name) {
			return nil, fmt.Errorf("--sdk %s is there twice", name)
		}
		s := subject{out: o.out}
		if s.SDK, err = c.sdk(name); err != nil {
			return nil, err
		}
		var note string
		if s.net, note, err = network(name, o.net); err != nil {
			return nil, err
		}
		if note != "" && !slices.Contains(notes, note) {
			notes = append(notes, note)
		}
		if len(o.sdks) > 1 {
			s.out = filepath.Join(o.out, folderOf(name, taken))
		}
		all = append(all, s)
	}
	for _, note := range notes {
		fmt.Fprintln(c.stderr, "proxyspec: "+note)
	}
	return all, nil
}

var unfit = regexp.MustCompile(`[^A-Za-z0-9._]+`)

// longestFolder is how much of an SDK's name its folder has: a command may be as long as it likes.
const longestFolder = 60

// folderOf is a name for an SDK's folder that no other has taken: "browser-my-sdk.js".
func folderOf(sdk string, taken map[string]bool) string {
	fit := strings.Trim(unfit.ReplaceAllString(sdk, "-"), "-.")
	fit = fit[:min(len(fit), longestFolder)]
	name := fit
	for n := 2; taken[strings.ToLower(name)]; n++ {
		name = fmt.Sprintf("%s-%d", fit, n)
	}
	taken[strings.ToLower(name)] = true // there are disks that don't tell them apart
	return name
}

// adapterOf is how the suite speaks with the SDK.
func adapterOf(sdk, net string) string {
	if strings.HasPrefix(sdk, BrowserPrefix) {
		return "browser"
	}
	if net == runner.Kernel {
		return "exec"
	}
	return "in process"
}

// sdk finds an SDK by what the user typed.
func (c *command) sdk(name string) (SDK, error) {
	if line, isProgram := strings.CutPrefix(name, ExecPrefix); isProgram {
		if strings.TrimSpace(line) == "" {
			return SDK{}, fmt.Errorf("--sdk %s needs a command: --sdk \"exec:node my-adapter.js\"", ExecPrefix)
		}
		return SDK{Name: name, Product: line}, nil
	}
	if strings.HasPrefix(name, BrowserPrefix) {
		if c.suite.Page == nil {
			return SDK{}, fmt.Errorf("--sdk %s: this suite has nothing for browsers", name)
		}
		if _, err := browser.Find(); err != nil {
			return SDK{}, fmt.Errorf("--sdk %s: %w", name, err)
		}
		sdk, err := c.suite.Page(name)
		if err != nil {
			return SDK{}, fmt.Errorf("--sdk %s: %w", name, err)
		}
		return sdk, nil
	}
	var known []string
	for _, sdk := range c.suite.SDKs {
		if sdk.Name == name {
			return sdk, nil
		}
		known = append(known, sdk.Name)
	}
	return SDK{}, fmt.Errorf("--sdk %q isn't known: there are %s%s", name, c.known(), nearest.Hint(name, known))
}

// known is what --sdk can name. Of the mutants there are too many.
func (c *command) known() string {
	var names []string
	for _, sdk := range c.suite.SDKs {
		if !strings.HasPrefix(sdk.Name, mutantPrefix) {
			names = append(names, sdk.Name)
		}
	}
	names = append(names, `"exec:COMMAND" for a program that is an adapter`, `"browser:FILE.js" for a script in Chromium (browser:reference is ours)`)
	if len(names)-2 < len(c.suite.SDKs) {
		names = append(names, mutantPrefix+"NAME, as \"proxyspec mutants --list\" shows them")
	}
	return strings.Join(names, ", ")
}
