//go:build linux

package main

import (
	"flag"
	"fmt"
	"os"
)

func main() {
	rounds := flag.Int("rounds", 15, "how often each server has its turn at each load")
	only := flag.String("load", "", "only loads with this in their name; or memory, or metrics")
	memory := flag.Int("allocations", 9000, "how many allocations to measure the memory of, or as many as there may be files; 0: none")
	beside := flag.Bool("beside", false, "run the servers on the processor of the load, though there is another one")
	flag.Parse()
	if role := flag.Arg(0); role != "" {
		fatal(serve(role, flag.Arg(1)))
		return
	}
	fatal(pinSelf(*beside))
	fatal(compare(*rounds, *only, *memory))
}

func fatal(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}
