package suite

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/proxyspec/proxyspec/conformance/browser"
	"github.com/proxyspec/proxyspec/conformance/cli"
	"github.com/proxyspec/proxyspec/conformance/mutation"
	"github.com/proxyspec/proxyspec/conformance/world"
	"github.com/proxyspec/proxyspec/fakes/websdk"
	"github.com/proxyspec/proxyspec/text/nearest"
)

// script is the Web SDK that follows "browser:" in the name of an SDK, and what it is.
func script(name string) (s browser.Script, product string, err error) {
	if name == Reference {
		return browser.Script{Files: websdk.Files, Name: websdk.Main}, "proxyspec reference Web SDK", nil
	}
	if short, isMutant := strings.CutPrefix(name, mutantPrefix); isMutant {
		var known []string
		for _, m := range websdk.Mutants {
			if m.Name == short {
				return browser.Script{Files: websdk.Files, Name: m.Module()}, "mutant Web SDK that " + m.Does, nil
			}
			known = append(known, m.Name)
		}
		return s, "", fmt.Errorf("there is no Web mutant %q; there are %s%s", short, strings.Join(known, ", "), nearest.Hint(short, known))
	}
	if name == "" {
		return s, "", errors.New("it needs a script: browser:FILE.js, browser:reference or browser:mutant:NAME")
	}
	text, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return s, "", fmt.Errorf("there is no file %s: name a script that defines AgoraRTC, or reference, or mutant:NAME", name)
	}
	if err != nil {
		return s, "", err
	}
	if ext := filepath.Ext(name); ext != ".js" && ext != ".mjs" {
		return s, "", fmt.Errorf("%s: the name of a script ends in .js, or in .mjs if it is a module", name)
	}
	dir, file := filepath.Split(name)
	if dir == "" {
		dir = "."
	}
	return browser.Script{Files: os.DirFS(dir), Name: file}, fmt.Sprintf("%s (SHA-256 %x)", file, sha256.Sum256(text)), nil
}

// page says what a name that begins with cli.BrowserPrefix stands for.
func page(name string) (cli.SDK, error) {
	_, product, err := script(strings.TrimPrefix(name, cli.BrowserPrefix))
	return cli.SDK{Name: name, Product: product}, err
}

// chromium is the browser of this process, which the scripts of all its cases share, one at a time; it ends with the
// process.
var chromium *browser.Celled

// inBrowser has a Web SDK tested in a world.
func inBrowser(name string, cfg *world.Config) error {
	s, _, err := script(strings.TrimPrefix(name, cli.BrowserPrefix))
	if err != nil {
		return err
	}
	if chromium == nil {
		program, err := browser.Find()
		if err != nil {
			return err
		}
		key, err := world.TrustedKey()
		if err != nil {
			return err
		}
		chromium = &browser.Celled{
			URL:    world.IntranetURL(),
			Config: browser.Config{Program: program, Trust: []string{key}, Names: world.Names()},
		}
	}
	cfg.Intranet, cfg.Remote = s.Site(), chromium
	return nil
}

// webMutants prove that the suite notices a broken Web SDK.
func webMutants() (all []mutation.Mutant) {
	for _, m := range websdk.Mutants {
		all = append(all, mutation.Mutant{SDK: cli.BrowserPrefix + mutantPrefix + m.Name, Subject: "Web SDK", Description: m.Does, Breaks: m.Breaks})
	}
	return all
}
