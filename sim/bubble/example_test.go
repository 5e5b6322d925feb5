package bubble_test

import (
	"errors"
	"fmt"
	"time"

	"github.com/proxyspec/proxyspec/sim/bubble"
)

func Example() {
	b, err := bubble.Open(bubble.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	err = b.Do(func() {
		fmt.Println(time.Now().UTC().Format(time.DateTime))
		time.Sleep(36 * time.Hour)
		fmt.Println(time.Now().UTC().Format(time.DateTime))
		go func() { select {} }() // nobody will stop this one
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	var leak *bubble.LeakError
	if errors.As(b.Close(time.Minute), &leak) {
		fmt.Println("left:", leak.Goroutines[0].State)
	}
	// Output:
	// 2026-01-01 00:00:00
	// 2026-01-02 12:00:00
	// left: select (no cases) (durable)
}
