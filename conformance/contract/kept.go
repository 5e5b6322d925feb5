package contract

import (
	"fmt"
	"strings"
)

// What is kept of what an adapter says in its own words: a report is read by people, and an adapter may never stop.
const (
	floodLimit  = 64 << 20 // bytes of notifications after which an adapter counts as broken
	keptLogs    = 1000     // log lines; what follows is counted
	longestText = 4 << 10  // bytes of a text
)

// notices counts what an adapter says without being asked.
type notices struct{ bytes, logs int }

// count counts one, and is what is wrong with there being so many.
func (n *notices) count(raw []byte) error {
	if n.bytes += len(raw); n.bytes > floodLimit {
		return fmt.Errorf("it has sent more than %d MiB of notifications", floodLimit>>20)
	}
	return nil
}

// keeps counts a log line, and reports whether it is kept.
func (n *notices) keeps() bool {
	n.logs++
	return n.logs <= keptLogs
}

// left is a log line about those that weren't kept, if there are any.
func (n *notices) left() (l Log, any bool) {
	more := n.logs - keptLogs
	return Log{Level: "info", Message: fmt.Sprintf("%d more lines of log were left out", more)}, more > 0
}

// Kept is what is kept of a text; of what it has been kept of before, all.
func Kept(text string) string {
	if len(text) <= longestText+len(" [... and 9223372036854775807 bytes more]") {
		return text
	}
	head := strings.ToValidUTF8(text[:longestText], "") // it may have been cut in a character
	return fmt.Sprintf("%s [... and %d bytes more]", head, len(text)-len(head))
}
