package cli

import (
	"errors"
	"strconv"

	"github.com/spf13/pflag"
)

// jobs is a flag that says how many things run at once. Nobody means none.
type jobs int

func (j *jobs) String() string { return strconv.Itoa(int(*j)) }
func (j *jobs) Type() string   { return "number" }

func (j *jobs) Set(text string) error {
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		return errors.New("it is less than one, or no number")
	}
	*j = jobs(n)
	return nil
}

// jobsFlag is --jobs of a command; it stays 0 where it isn't given.
func jobsFlag(flags *pflag.FlagSet, to *int, what string) {
	flags.Var((*jobs)(to), "jobs", "how many "+what+" run at once (default: one for each processor)")
}
