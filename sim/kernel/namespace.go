package kernel

import (
	"errors"
	"os"
)

// insideVariable marks the environment of a program that Command started.
const insideVariable = "PROXYSPEC_KERNEL_NAMESPACE"

// Inside tells whether this program runs in a namespace that Command made.
func Inside() bool { return os.Getenv(insideVariable) != "" }

var errOutside = errors.New("not in a namespace of our own: start the program by Command, so that the host stays as it is")
