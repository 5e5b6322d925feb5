//go:build linux

package main

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"time"
)

// compare has the servers take turns at every load, and prints what it came to.
func compare(rounds int, only string, memory int) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	var servers []*server
	defer func() {
		for _, s := range servers {
			s.stop()
		}
	}()
	for i, begin := range []func(port uint16) (*server, error){
		func(port uint16) (*server, error) { return start("ours", port, self, "ours", fmt.Sprint(port)) },
		startCoturn,
		func(port uint16) (*server, error) { return start("pion", port, self, "pion", fmt.Sprint(port)) },
	} {
		s, err := begin(uint16(11000 + 10*i))
		if err != nil && i == 1 {
			fmt.Println(err)
			continue
		} else if err != nil {
			return err
		}
		if i == 0 {
			s.user, s.password = ourUser, ourPassword()
		}
		servers = append(servers, s)
	}
	load, _ := os.ReadFile("/proc/loadavg")
	fmt.Printf("%d rounds, a second each; load of the machine %s\n", rounds, strings.TrimSpace(string(load)))
	fmt.Printf("%-26s %-8s %12s %12s %9s %9s %22s\n", "load", "server", "CPU/packet", "beside coturn", "lost up", "and down", "way there and back")
	for _, l := range loads {
		if only != "" && !strings.Contains(l.name, only) {
			continue
		}
		if err := l.compare(servers, rounds); err != nil {
			return fmt.Errorf("%s: %w", l.name, err)
		}
	}
	if memory > 0 && only == "" {
		for _, s := range servers {
			for _, tcp := range []bool{false, true} {
				if err := measureMemory(s, memory, tcp); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func (l load) compare(servers []*server, rounds int) error {
	var crowds []*crowd
	defer func() {
		for _, c := range crowds {
			c.close()
		}
	}()
	for _, s := range servers {
		c, err := l.gather(s)
		if err != nil {
			return err
		}
		crowds = append(crowds, c)
	}
	turns := make([][]turnOf, len(crowds))
	for round := range rounds + 1 {
		for i := range crowds {
			i = (i + round) % len(crowds) // nobody is always first
			t, err := crowds[i].run(time.Second)
			if err != nil {
				return err
			}
			if round > 0 { // the first warms up
				turns[i] = append(turns[i], t)
			}
		}
	}
	base := slices.IndexFunc(servers, func(s *server) bool { return s.name == "coturn" })
	for i, s := range servers {
		var costs, ratios, medians, slowest []float64
		var sent, up, down int64
		for r, t := range turns[i] {
			costs = append(costs, t.cost())
			if base >= 0 {
				ratios = append(ratios, t.cost()/turns[base][r].cost())
			}
			medians, slowest = append(medians, float64(t.median)), append(slowest, float64(t.slowest))
			sent, up, down = sent+t.sent, up+t.up, down+t.down
		}
		ratio, way := "", ""
		if base >= 0 {
			ratio = fmt.Sprintf("%.2fx", median(ratios))
			if s.name == "ours" && l.limit > 0 {
				ratio += fmt.Sprintf(" (%.2f)", l.limit)
			}
		}
		if l.clients == 1 {
			way = fmt.Sprintf("%v, 99 %%: %v", time.Duration(median(medians)).Round(time.Microsecond), time.Duration(median(slowest)).Round(time.Microsecond))
		}
		fmt.Printf("%-26s %-8s %9.0f ns %12s %8.2f%% %8.2f%% %22s\n", l.name, s.name, median(costs), ratio, share(sent-up, sent), share(up-down, up), way)
	}
	return nil
}

// cost is the CPU of one packet in one direction, in nanoseconds.
func (t turnOf) cost() float64 { return float64(t.cpu.Nanoseconds()) / float64(max(1, t.up+t.down)) }

func median(v []float64) float64 {
	s := slices.Sorted(slices.Values(v))
	return s[len(s)/2]
}

// measureMemory prints what many allocations cost a server.
func measureMemory(s *server, n int, tcp bool) error {
	before := s.memory()
	c, err := load{clients: n, size: 160, burst: 1, tcp: tcp}.gather(s)
	if err != nil {
		fmt.Printf("memory: %s: %v\n", s.name, err)
		return nil
	}
	defer c.close()
	for i := range n {
		if err := c.send(i); err != nil {
			return err
		}
		if i%100 == 0 {
			time.Sleep(time.Millisecond)
		}
	}
	transport := "UDP"
	if tcp {
		transport = "TCP"
	}
	fmt.Printf("memory: %d allocations over %s: %-8s %.1f KB each\n", n, transport, s.name, float64(s.memory()-before)/float64(n)/1000)
	return nil
}

func share(part, of int64) float64 { return 100 * float64(part) / float64(max(1, of)) }
