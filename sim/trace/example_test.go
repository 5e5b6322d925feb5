package trace_test

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"github.com/proxyspec/proxyspec/sim"
	"github.com/proxyspec/proxyspec/sim/bubble"
	"github.com/proxyspec/proxyspec/sim/trace"
)

// Two runs that ought to be the same, and aren't: something besides the seed decides what the third message says.
func Example() {
	a, b := talk("three"), talk("3")
	fmt.Println("the same:", a.Hash() == b.Hash())
	fmt.Print(trace.Diff(a, b))
	// Output:
	// the same: false
	// the traces differ from packet 3 on
	//   both   20ms bob in  UDP 10.0.0.1:49152 > 10.0.0.2:7, 31 bytes
	//   both   1.02s bob in  UDP 10.0.0.1:49152 > 10.0.0.2:7, 31 bytes
	//   first  2.02s bob in  UDP 10.0.0.1:49152 > 10.0.0.2:7, 33 bytes
	//   other  2.02s bob in  UDP 10.0.0.1:49152 > 10.0.0.2:7, 29 bytes
}

// talk is a run of a program whose packets bob sees.
func talk(third string) *trace.Trace {
	seen := &trace.Trace{}
	world, err := bubble.Open(bubble.Config{})
	check(err)
	check(world.Do(func() {
		network := sim.New(sim.Config{Seed: 7, Settle: bubble.Settle})
		alice := network.Host("alice", netip.MustParseAddr("10.0.0.1"))
		bob := network.Host("bob", netip.MustParseAddr("10.0.0.2"))
		network.Connect(alice, bob, sim.LinkConfig{Delay: 20 * time.Millisecond})
		bob.Tap(seen.See)
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan error)
		go func() { done <- network.Serve(ctx) }()

		listener, err := bob.ListenPacket("udp", ":7")
		check(err)
		conn, err := alice.DialContext(ctx, "udp", "10.0.0.2:7")
		check(err)
		for _, text := range []string{"one", "two", third, "four"} {
			_, err := conn.Write([]byte(text))
			check(err)
			time.Sleep(time.Second)
		}
		check(conn.Close())
		check(listener.Close())
		cancel()
		check(<-done)
	}))
	check(world.Close(time.Minute))
	return seen
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}
