package reports

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/proxyspec/proxyspec/conformance/result"
)

// Read reads the run in a report folder. Where there is none the error is fs.ErrNotExist.
func Read(dir string) (*result.Run, error) {
	run := &result.Run{}
	return run, readModel(filepath.Join(dir, "conformance.json"), run, &run.Schema, result.Schema)
}

// readMutants reads the mutation run in a report folder.
func readMutants(dir string) (*result.Mutation, error) {
	m := &result.Mutation{}
	return m, readModel(filepath.Join(dir, "mutants.json"), m, &m.Schema, result.MutationSchema)
}

func readModel(file string, model any, schema *string, known string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, model); err != nil {
		return fmt.Errorf("%s is no report: %w", file, err)
	}
	if *schema != known {
		return fmt.Errorf("%s has the schema %q; this program reads %q", file, *schema, known)
	}
	return nil
}
