package selection

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/proxyspec/proxyspec/text/nearest"
)

// source finds feature files: in the embedded suite, shown under root, and on disk.
type source struct {
	suite fs.FS
	root  string
}

// file is a feature file that was found, not understood yet.
type file struct {
	path  string // as shown
	suite string // its path within the embedded suite, "" for the user's own
	body  []byte
}

func (f file) own() bool { return f.suite == "" }

var lineSuffix = regexp.MustCompile(`^(.+):(\d+)$`)

// find answers one path of the command line: its files, and the line it asks for or 0. What exists on disk
// comes first; else a path that begins with root means the embedded suite, wherever the user stands.
func (s source) find(asked string) (files []file, line int, err error) {
	name := asked
	if m := lineSuffix.FindStringSubmatch(asked); m != nil {
		name = m[1]
		if line, err = strconv.Atoi(m[2]); err != nil || line == 0 {
			return nil, 0, fmt.Errorf("%s: lines count from 1", asked)
		}
	}
	disk, err := os.Stat(name)
	switch {
	case err == nil && disk.IsDir():
		files, err = s.folder(name)
	case err == nil:
		files = make([]file, 1)
		files[0], err = s.onDisk(name)
	case errors.Is(err, fs.ErrNotExist):
		files, err = s.embedded(name)
	}
	switch {
	case err != nil:
		return nil, 0, err
	case len(files) == 0:
		return nil, 0, fmt.Errorf("%s: the folder holds no .feature file", name)
	case line != 0 && disk != nil && disk.IsDir(), line != 0 && len(files) > 1:
		return nil, 0, fmt.Errorf("%s: a line selects within a file, and %s is a folder", asked, name)
	}
	return files, line, nil
}

// embedded finds a file, or all below a folder, of the suite by the path it is shown under.
func (s source) embedded(name string) ([]file, error) {
	shown := path.Clean(filepath.ToSlash(name))
	at := "."
	if shown != s.root {
		below, isBelow := strings.CutPrefix(shown, s.root+"/")
		if !isBelow {
			return nil, s.missing(name)
		}
		at = below
	}
	if _, err := fs.Stat(s.suite, at); err != nil {
		return nil, s.missing(name)
	}
	names, err := featuresBelow(s.suite, at)
	if err != nil {
		return nil, err
	}
	files := make([]file, len(names))
	for i, name := range names {
		body, err := fs.ReadFile(s.suite, name)
		if err != nil {
			return nil, err
		}
		files[i] = file{path: path.Join(s.root, name), suite: name, body: body}
	}
	return files, nil
}

// folder reads all feature files below a folder on disk.
func (s source) folder(name string) ([]file, error) {
	names, err := featuresBelow(os.DirFS(name), ".")
	if err != nil {
		return nil, err
	}
	files := make([]file, len(names))
	for i, below := range names {
		if files[i], err = s.onDisk(filepath.Join(name, below)); err != nil {
			return nil, err
		}
	}
	return files, nil
}

// featuresBelow lists the .feature files of a folder, or the one file, in the order of their names. Links are
// followed, but for one that leads back to a folder it lies in. What is hidden was left there by an editor or a file
// system, beside the file that is meant.
func featuresBelow(tree fs.FS, at string, within ...fs.FileInfo) (names []string, err error) {
	here, err := fs.Stat(tree, at)
	switch {
	case err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.ELOOP):
		return nil, err
	case err == nil && here.IsDir():
	case path.Ext(at) == ".feature": // or a link to none, which reading it will tell
		return []string{at}, nil
	default:
		return nil, nil
	}
	if slices.ContainsFunc(within, func(outer fs.FileInfo) bool { return os.SameFile(outer, here) }) {
		return nil, nil
	}
	entries, err := fs.ReadDir(tree, at)
	if err != nil {
		return nil, err
	}
	within = append(slices.Clone(within), here)
	for _, entry := range entries {
		if strings.HasPrefix(entry.Name(), ".") {
			continue
		}
		below, err := featuresBelow(tree, path.Join(at, entry.Name()), within...)
		if err != nil {
			return nil, err
		}
		names = append(names, below...)
	}
	return names, nil
}

// onDisk reads a file on disk, and finds out whether it is one of the embedded suite, to the byte: then it stands
// for it. An edited copy is the user's own, since it doesn't test what the requirement says.
func (s source) onDisk(name string) (file, error) {
	body, err := os.ReadFile(name)
	if err != nil {
		return file{}, err
	}
	f := file{path: filepath.ToSlash(filepath.Clean(name)), body: body}
	full, err := filepath.Abs(name)
	if err != nil {
		return file{}, err
	}
	full = filepath.ToSlash(full)
	if at := strings.LastIndex(full, "/"+s.root+"/"); at >= 0 {
		inner := full[at+len(s.root)+2:]
		if same, err := fs.ReadFile(s.suite, inner); err == nil && bytes.Equal(same, body) {
			f.path, f.suite = path.Join(s.root, inner), inner
		}
	}
	return f, nil
}

// missing says that a path is neither on disk nor in the suite, and what the suite has instead.
func (s source) missing(name string) error {
	known := []string{s.root}
	_ = fs.WalkDir(s.suite, ".", func(p string, entry fs.DirEntry, err error) error {
		if err == nil && p != "." && (entry.IsDir() || path.Ext(p) == ".feature") {
			known = append(known, path.Join(s.root, p))
		}
		return err
	})
	return fmt.Errorf("%s: no such file or folder, neither here nor in the embedded suite%s",
		name, nearest.Hint(path.Clean(filepath.ToSlash(name)), known))
}
