package adapter_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

// misbehave answers the first request in a way of its own.
func misbehave(how string) {
	in := bufio.NewScanner(os.Stdin)
	if how == "hold" { // what another conduct leaves behind
		time.Sleep(time.Minute)
		os.Exit(0)
	}
	switch how {
	case "sound", "refuses to start", "has no cloud proxy", "knows everything", "one call at a time", "ends in a join", "fails at once", "ends no line", "waits for the join",
		"starts after init", "stays after shutdown":
		sound(how)
		os.Exit(0)
	}
	in.Scan()
	const good = `{"jsonrpc":"2.0","id":1,"result":{"protocol":1,"name":"broken","version":"1.0.0"}}` + "\n"
	switch how {
	case "never answer":
		signal.Ignore(syscall.SIGTERM, syscall.SIGINT)
		time.Sleep(time.Minute)
	case "answer twice":
		fmt.Print(good + good)
	case "wrong id":
		fmt.Print(strings.Replace(good, `"id":1`, `"id":4711`, 1))
	case "invalid UTF-8":
		fmt.Print(strings.Replace(good, "broken", "\xc3\x28", 1))
	case "2 MiB line":
		fmt.Print(strings.Replace(good, "broken", strings.Repeat("x", 2<<20), 1))
	case "exit in a call":
		fmt.Fprintln(os.Stderr, "giving up")
		os.Exit(3)
	case "crash of Node":
		fmt.Fprint(os.Stderr, "/sdk.js:7\n  throw err;\n  ^\n\nError: Cannot find module 'ws'\n    at main (/sdk.js:7:9) {\n  code: 'X'\n}\n\nNode.js v20.20.2\n")
		os.Exit(1)
	case "crash under a shell":
		fmt.Fprint(os.Stderr, "terminate called after throwing an instance of 'std::out_of_range'\nAborted (core dumped)\n")
		os.Exit(128 + int(syscall.SIGABRT))
	case "fork and exit":
		leave(false)
	case "fork far and exit":
		leave(true)
	case "flood":
		line := []byte(strings.Repeat("error! ", 8<<10) + "\n")
		for {
			os.Stderr.Write(line)
		}
	case "garbage":
		fmt.Println("ready!")
	case "close stdout":
		os.Stdout.Close()
		time.Sleep(time.Minute)
	case "killed":
		syscall.Kill(os.Getpid(), syscall.SIGKILL)
		time.Sleep(time.Minute)
	case "cut short":
		fmt.Print(good[:20])
		os.Exit(0)
	case "neither nor":
		fmt.Println(`{"jsonrpc":"2.0","id":1}`)
	case "a code of its own":
		fmt.Println(`{"jsonrpc":"2.0","id":1,"error":{"code":7,"message":"no"}}`)
	case "a request":
		fmt.Println(`{"jsonrpc":"2.0","id":9,"method":"hello"}`)
	case "a result of a kind":
		fmt.Println(`{"jsonrpc":"2.0","id":1,"result":{"protocol":"one"}}`)
	case "log":
		for i := 1; i <= 1200; i++ {
			fmt.Fprintln(os.Stderr, "line", i)
		}
		fmt.Print(good)
		in.Scan()
		fmt.Println(`{"jsonrpc":"2.0","id":2,"result":{}}`)
		os.Exit(0)
	}
	for in.Scan() { // until the harness has had enough
	}
	os.Exit(0)
}

// leave ends this process and leaves a child that holds its standard output, in its group or out of it.
func leave(far bool) {
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), conduct+"=hold")
	child.Stdout = os.Stdout
	child.SysProcAttr = &syscall.SysProcAttr{Setsid: far}
	if err := child.Start(); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	os.Exit(0)
}
