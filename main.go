// Command proxyspec tests whether an SDK gets through an enterprise firewall by way of the cloud proxy,
// exactly as documented, and whether it fails cleanly when it can't.
package main

import (
	"os"

	"github.com/proxyspec/proxyspec/conformance/cli"
	"github.com/proxyspec/proxyspec/conformance/runner"
	"github.com/proxyspec/proxyspec/conformance/suite"
)

func main() {
	runner.WorkerMain(suite.Stages())
	os.Exit(cli.Main(suite.Suite(), os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}
