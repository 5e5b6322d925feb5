package suite_test

import (
	"bufio"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/conformance/browser"
	"github.com/proxyspec/proxyspec/conformance/cli"
	"github.com/proxyspec/proxyspec/conformance/suite"
	"github.com/proxyspec/proxyspec/sim/kernel"
)

// TestREADME runs every command of the README, in a folder of its own, as a reader would.
func TestREADME(t *testing.T) {
	t.Parallel() // it waits, half of its time
	root, err := filepath.Abs("../..")
	require.NoError(t, err)
	text, err := os.ReadFile(filepath.Join(root, "README.md"))
	require.NoError(t, err)
	folder := t.TempDir()
	program := filepath.Join(folder, "proxyspec")
	build := exec.Command("go", "build", "-o", program, ".")
	build.Dir = root
	out, err := build.CombinedOutput()
	require.NoError(t, err, "%s", out)
	for _, block := range blocks(string(text), "gherkin") {
		require.NoError(t, os.WriteFile(filepath.Join(folder, "our-office.feature"), []byte(block), 0o644))
	}

	ran := 0
	for _, block := range blocks(string(text), "sh") {
		for line := range strings.Lines(block) {
			line, _, _ = strings.Cut(line, "  #")
			line = strings.TrimSpace(line)
			var args string
			switch {
			case line == "go build -o proxyspec .": // done
				continue
			case line == "go test ./features": // a test of its own
				require.FileExists(t, filepath.Join(root, "features", "features_test.go"))
				continue
			case strings.HasPrefix(line, "go run . "):
				args = strings.TrimPrefix(line, "go run . ")
			case strings.HasPrefix(line, "./proxyspec "):
				args = strings.TrimPrefix(line, "./proxyspec ")
			default:
				t.Fatalf("the README has a command that this test doesn't know: %s", line)
			}
			if strings.HasPrefix(args, "relay serve") {
				serveUntilItIsUp(t, program, strings.Fields(args))
				ran++
				continue
			}
			if err := kernel.Probe(); err != nil && (strings.Contains(args, "exec:") || strings.Contains(args, "browser:") || strings.Contains(args, "--net kernel") || strings.HasPrefix(args, "sdk check")) {
				t.Logf("not tried: %s: %v", line, err)
				continue
			}
			if _, err := browser.Find(); err != nil && strings.Contains(args, "browser:") {
				t.Logf("not tried: %s: %v", line, err)
				continue
			}
			want := 0
			if strings.Contains(args, "mutant:") || strings.HasPrefix(args, "report compare") { // which finds what the mutant broke
				want = 1
			}
			if strings.HasPrefix(args, "run") && !strings.Contains(args, ".feature") && !strings.Contains(args, "--tags") {
				// The whole suite has tests of its own; here it is the command that is tried.
				args += ` --tags "@CP-FLOW-01 or @CP-FLOW-04"`
			}
			cmd := exec.Command("sh", "-c", program+" "+args)
			cmd.Dir = folder
			out, err := cmd.CombinedOutput()
			require.Equal(t, want, cmd.ProcessState.ExitCode(), "%s: %v\n%s", line, err, out)
			ran++
		}
	}
	require.Greater(t, ran, 5, "the README has lost its commands")

	makefile, err := os.ReadFile(filepath.Join(root, "Makefile"))
	require.NoError(t, err)
	for _, m := range regexp.MustCompile("`make ([a-z-]+)`").FindAllStringSubmatch(string(text), -1) {
		require.Regexp(t, `(?m)^`+m[1]+`:`, string(makefile), "the README names a target that isn't there")
	}
}

// TestHelpNamesScenarios looks up the places that examples of the help name.
func TestHelpNamesScenarios(t *testing.T) {
	for _, topic := range []string{"run", "replay"} {
		var help strings.Builder
		require.Zero(t, cli.Main(suite.Suite(), []string{"help", topic}, nil, &help, io.Discard))
		places := regexp.MustCompile(`(features/\S+\.feature):(\d+)`).FindAllStringSubmatch(help.String(), -1)
		require.NotEmpty(t, places)
		for _, place := range places {
			feature, err := os.ReadFile(filepath.Join("../..", place[1]))
			require.NoError(t, err)
			line, err := strconv.Atoi(place[2])
			require.NoError(t, err)
			require.Contains(t, strings.Split(string(feature), "\n")[line-1], "Scenario:", "help %s names %s", topic, place[0])
		}
	}
}

// blocks is the fenced code blocks of a language.
func blocks(text, language string) (found []string) {
	for _, m := range regexp.MustCompile("(?s)```"+language+"\n(.*?)```").FindAllStringSubmatch(text, -1) {
		found = append(found, m[1])
	}
	return found
}

// serveUntilItIsUp runs a server, and ends it as a user would when it has said where it is.
func serveUntilItIsUp(t *testing.T, program string, args []string) {
	cmd := exec.Command(program, args...)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	said := ""
	for lines := bufio.NewScanner(out); lines.Scan(); {
		said += lines.Text() + "\n"
		if strings.HasPrefix(lines.Text(), "admin ") {
			require.NoError(t, cmd.Process.Signal(os.Interrupt))
		}
	}
	require.NoError(t, cmd.Wait(), said)
	require.Contains(t, said, "lookup ")
}
