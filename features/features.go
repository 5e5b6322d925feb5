// Package features carries the conformance suite inside the binary: the requirement catalogue and the
// Gherkin features that prove it, one folder a theme.
//
// It owns these files and nothing else, and it never reads them: conformance/catalogue reads the one,
// conformance/selection the others.
package features

import "embed"

// RequirementsFile is the name of the requirement catalogue in Files.
const RequirementsFile = "requirements.yaml"

// Files has requirements.yaml and the feature files at their paths in this folder. A folder is embedded
// whole, because a pattern such as */*.feature doesn't compile where nothing matches it: readers take the
// files that they know by name and pass over everything else.
//
//go:embed *
var Files embed.FS
