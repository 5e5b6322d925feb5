package adapter

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"sync"

	"github.com/proxyspec/proxyspec/conformance/contract"
)

const (
	floodLimit = 16 << 20 // bytes of standard error after which a program counts as broken
	lineLimit  = 4 << 10  // bytes of one line that are kept
	keptLines  = 1000     // lines that are handed on; of what follows only the last is kept
)

// decoration is the lines around the words of a crash, which would hide them: an indented line (a frame of the stack, the
// source), a line without a word, such as the end of an object, the version with which Node ends each of its crashes, and
// what a shell says of a signal, which its exit status says too.
var decoration = regexp.MustCompile(`^\s|^[^\pL]*$|^Node\.js v\d|` +
	`^(Aborted|Segmentation fault|Bus error|Illegal instruction|Floating point exception)( \(core dumped\))?$`)

// journal makes log lines of standard error.
type journal struct {
	to      func(contract.Log)
	flooded func()

	mu    sync.Mutex
	part  []byte // a line that has no end yet
	cut   bool   // it was longer than is kept
	bytes int
	lines int
	final string // the last line that says something
}

func newJournal(to func(contract.Log), flooded func()) *journal {
	if to == nil {
		to = func(contract.Log) {}
	}
	return &journal{to: to, flooded: flooded}
}

// Write takes some of standard error. It never fails: a program that writes too much is ended instead.
func (j *journal) Write(b []byte) (int, error) {
	j.mu.Lock()
	before := j.bytes
	j.bytes += len(b)
	over := before <= floodLimit && j.bytes > floodLimit
	var logs []contract.Log
	if j.bytes <= floodLimit {
		logs = j.take(b)
	}
	j.mu.Unlock()
	for _, l := range logs {
		j.to(l)
	}
	if over {
		j.flooded()
	}
	return len(b), nil
}

// take splits what has come into lines.
func (j *journal) take(b []byte) (logs []contract.Log) {
	for len(b) > 0 {
		line, rest, whole := bytes.Cut(b, []byte{'\n'})
		b = rest
		if room := lineLimit - len(j.part); len(line) > room {
			line, j.cut = line[:room], true
		}
		j.part = append(j.part, line...)
		if whole {
			logs = append(logs, j.line()...)
		}
	}
	return logs
}

// line ends the line that is under way, and is what of it is handed on.
func (j *journal) line() []contract.Log {
	text := strings.TrimRight(strings.ToValidUTF8(string(j.part), "?"), "\r")
	if j.cut {
		text += " [...]"
	}
	j.part, j.cut = j.part[:0], false
	if strings.TrimSpace(text) == "" {
		return nil
	}
	if j.final == "" || !decoration.MatchString(text) {
		j.final = text
	}
	j.lines++
	if j.lines > keptLines {
		return nil
	}
	return []contract.Log{{Level: LevelStderr, Message: text}}
}

// LevelStderr is the level of log lines that a program wrote to standard error.
const LevelStderr = "stderr"

// end hands on what has no end of line, and how much was left out.
func (j *journal) end() {
	j.mu.Lock()
	var logs []contract.Log
	if len(j.part) > 0 {
		logs = j.line()
	}
	if more := j.lines - keptLines; more > 0 {
		logs = append(logs, contract.Log{Level: LevelStderr, Message: fmt.Sprintf("%d more lines were left out", more)})
	}
	j.mu.Unlock()
	for _, l := range logs {
		j.to(l)
	}
}

// over tells whether the program was ended for what it wrote.
func (j *journal) over() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.bytes > floodLimit
}

func (j *journal) last() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.final
}
