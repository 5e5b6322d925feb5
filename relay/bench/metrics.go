//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"sync"
	"time"
)

const (
	scrapeEvery = 100 * time.Millisecond // here, so that the cost stands out
	usually     = 15 * time.Second       // is how often Prometheus asks
)

// measureMetrics prints what it costs our server to be asked for its metrics under the first load: turns with and
// without it take turns. Counting itself has no switch: it is the accounting, and part of every other figure.
func measureMetrics(k kind, rounds int) error {
	s, err := k.start(11090)
	if err != nil {
		return err
	}
	defer s.stop()
	c, err := loads[0].gather(s)
	if err != nil {
		return err
	}
	defer c.close()
	var costs, alls []float64
	for round := range rounds + 1 {
		alone, err := c.run(time.Second)
		if err != nil {
			return err
		}
		ctx, cancel := context.WithCancel(context.Background())
		var asking sync.WaitGroup
		n := 0
		var wrong error
		asking.Go(func() { n, wrong = s.scrape(ctx) })
		beside, err := c.run(time.Second)
		cancel()
		asking.Wait()
		if err := errors.Join(err, wrong); err != nil {
			return err
		}
		if round > 0 { // the first warms up
			costs = append(costs, float64(beside.cpu-alone.cpu)/float64(n))
			alls = append(alls, float64(alone.cpu))
		}
	}
	each, all := time.Duration(median(costs)), time.Duration(median(alls))
	fmt.Printf("metrics: %v of CPU each time that they are asked for, with %d allocations: %.2f %% of what %q takes, every %v\n",
		each.Round(time.Microsecond), c.clients, 100*each.Seconds()/(all.Seconds()*usually.Seconds()), c.name, usually)
	return nil
}

// scrape asks for the metrics again and again, and is how often it did.
func (s *server) scrape(ctx context.Context) (n int, err error) {
	tick := time.NewTicker(scrapeEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return n, nil
		case <-tick.C:
		}
		response, err := http.Get(fmt.Sprintf("http://%v/metrics", netip.AddrPortFrom(s.at.Addr(), s.at.Port()+1)))
		if err != nil {
			return n, err
		}
		_, err = io.Copy(io.Discard, response.Body)
		response.Body.Close()
		if err != nil {
			return n, err
		}
		n++
	}
}
