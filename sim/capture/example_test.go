package capture_test

import (
	"bytes"
	"fmt"
	"time"

	"github.com/proxyspec/proxyspec/sim/capture"
)

func Example() {
	var file bytes.Buffer
	c, err := capture.New(&file, "lan", "internet")
	if err != nil {
		fmt.Println(err)
		return
	}
	c.Limit(64 << 20)
	at := time.Date(2026, 1, 1, 9, 0, 0, 0, time.UTC)
	ping := []byte{0x45, 0, 0, 20, 0, 0, 0, 0, 64, 1, 0, 0, 10, 0, 0, 2, 192, 0, 2, 1} // a bare IPv4 header
	if err := c.Add(0, at, capture.Bytes(ping), "drop: default"); err != nil {
		fmt.Println(err)
	}
	if err := c.Close(); err != nil {
		fmt.Println(err)
	}
	fmt.Println(c.Seen(), "packet,", c.Cut(), "cut")
	// Output: 1 packet, 0 cut
}
