// Package cli is the command proxyspec. Give Main a Suite and the arguments, and exit with what it
// returns.
//
// It owns the command tree, the words that a user types and reads at a terminal, the report folder
// before a run, and the exit codes. Its invariants: standard output has results only, standard error the
// progress and the errors; an error is one line for each mistake and says what to do; nothing in a folder is
// deleted but the evidence of an earlier report. It never runs a case itself and never judges.
package cli
