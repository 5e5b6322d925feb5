// Command plain shows that bubbles work in a program that go build made, where there is no test.
package main

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/proxyspec/proxyspec/sim/bubble"
)

func main() {
	if err := run(); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println("plain: all as expected")
}

func run() error {
	if err := bubble.SelfTest(); err != nil {
		return err
	}
	if err := many(); err != nil {
		return err
	}
	return freeze()
}

// many is 500 bubbles in a row, each a virtual day long.
func many() error {
	for range 500 {
		b, err := bubble.Open(bubble.Config{})
		if err != nil {
			return err
		}
		if err := b.Do(func() { time.Sleep(24 * time.Hour) }); err != nil {
			return err
		}
		if err := b.Close(time.Minute); err != nil {
			return err
		}
	}
	return nil
}

// freeze stops the time of a bubble with a mutex and expects to live.
func freeze() error {
	b, err := bubble.Open(bubble.Config{Watchdog: 20 * time.Millisecond})
	if err != nil {
		return err
	}
	err = b.Do(func() {
		var mu sync.Mutex
		mu.Lock()
		mu.Lock()
	})
	var frozen *bubble.FrozenError
	if !errors.As(err, &frozen) || len(frozen.Goroutines) != 1 {
		return fmt.Errorf("a frozen bubble came back as %v", err)
	}
	return nil
}
