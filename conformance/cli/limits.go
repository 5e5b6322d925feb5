package cli

import (
	"fmt"
	"os"
	"strings"

	"github.com/proxyspec/proxyspec/conformance/limits"
)

// indented sets an example off from the text around it.
func indented(text string) string {
	return "  " + strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n  ") + "\n"
}

// readLimits reads a file of limits; none without a name.
func readLimits(file string) (l limits.Limits, err error) {
	if file == "" {
		return l, nil
	}
	source, err := os.ReadFile(file)
	if err != nil {
		return l, fmt.Errorf("--limits: %w", err)
	}
	if l, err = limits.Read(source); err != nil {
		return l, fmt.Errorf("--limits %s: %s", file, strings.ReplaceAll(err.Error(), "\n", "\n--limits "+file+": "))
	}
	return l, nil
}
