// Package start keeps godog from running the go command.
//
// godog's builder, which nobody here uses, runs "go env GOTOOLDIR" whenever a program with godog in it begins. That takes as
// long as all the rest of the beginning, several times a scenario where an SDK is a program, and it is a process that nobody
// asked for: where the reference is the SDK under test, it would run among what is watched.
//
// Go initializes packages in the order of their import paths, as far as those that they import allow. This one imports
// little and so it comes before the builder, which needs go/build; whoever imports godog comes after it.
package start

import "os"

var path, had = hidePath()

func hidePath() (string, bool) {
	path, had := os.LookupEnv("PATH")
	_ = os.Unsetenv("PATH")
	return path, had
}

// Over gives the program its PATH back. It is called when a package that imports godog is initialized.
func Over() struct{} {
	if had {
		_ = os.Setenv("PATH", path)
	}
	return struct{}{}
}
