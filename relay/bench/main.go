//go:build linux

package main

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"runtime"
)

func main() {
	rounds := flag.Int("rounds", 5, "how often each server has its turn at each load")
	only := flag.String("load", "", "one load only")
	memory := flag.Int("allocations", 9000, "how many allocations to measure the memory of; 0: none")
	flag.Parse()
	if role := flag.Arg(0); role != "" {
		fatal(serve(role, flag.Arg(1)))
		return
	}
	if os.Getenv("BENCH_PINNED") == "" && runtime.NumCPU() > 1 {
		if taskset, err := exec.LookPath("taskset"); err == nil {
			cmd := exec.Command(taskset, append([]string{"-c", "1", os.Args[0]}, os.Args[1:]...)...)
			cmd.Env = append(os.Environ(), "BENCH_PINNED=1")
			cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
			fatal(cmd.Run())
			return
		}
		fmt.Println("taskset isn't installed (Debian's package util-linux): nothing is pinned")
	}
	fatal(compare(*rounds, *only, *memory))
}

func fatal(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}
