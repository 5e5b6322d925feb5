//go:build linux

package main

import (
	"fmt"
	"os"
	"os/exec"
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
	files, err := raiseFiles()
	if err != nil {
		return err
	}
	kinds := []kind{
		{"ours", func(port uint16) (*server, error) {
			s, err := start("ours", port, self, "ours", fmt.Sprint(port))
			if err == nil {
				s.user, s.password = ourUser, ourPassword()
			}
			return s, err
		}},
		{"coturn", startCoturn},
		{"pion", func(port uint16) (*server, error) { return start("pion", port, self, "pion", fmt.Sprint(port)) }},
	}
	if _, err := exec.LookPath("turnserver"); err != nil {
		fmt.Println("coturn isn't installed (Debian's package coturn): it is left out")
		kinds = slices.Delete(kinds, 1, 2)
	}
	if wanted := slices.DeleteFunc(slices.Clone(loads), func(l load) bool { return !strings.Contains(l.name, only) }); len(wanted) > 0 {
		if err := compareCPU(kinds, rounds, wanted); err != nil {
			return err
		}
	}
	if only == "" || only == "metrics" {
		if err := measureMetrics(kinds[0], rounds); err != nil {
			return fmt.Errorf("metrics: %w", err)
		}
	}
	if memory > 0 && (only == "" || only == "memory") {
		return compareMemory(kinds, min(memory, (files-200)/2)) // TCP and the relayed port are two files in a server
	}
	return nil
}

// kind is a server that can be started, on any port.
type kind struct {
	name  string
	start func(port uint16) (*server, error)
}

func compareCPU(kinds []kind, rounds int, loads []load) error {
	var servers []*server
	defer func() {
		for _, s := range servers {
			s.stop()
		}
	}()
	for i, k := range kinds {
		s, err := k.start(uint16(11000 + 10*i))
		if err != nil {
			return err
		}
		servers = append(servers, s)
	}
	load, _ := os.ReadFile("/proc/loadavg")
	where := "a processor of their own"
	if measuredProcessor == loadProcessor {
		where = "the processor of the load"
	}
	fmt.Printf("%d rounds, a second each; servers on %s; load of the machine %s\n", rounds, where, strings.TrimSpace(string(load)))
	fmt.Printf("%-26s %-8s %12s %12s %9s %9s %22s\n", "load", "server", "CPU/packet", "beside coturn", "lost up", "and down", "way there and back")
	for _, l := range loads {
		if err := l.compare(servers, rounds); err != nil {
			return fmt.Errorf("%s: %w", l.name, err)
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

// compareMemory prints what many allocations cost each server, anew for each transport: allocations that nobody ends
// live for ten minutes, and have their ports and files.
func compareMemory(kinds []kind, n int) error {
	for _, tcp := range []bool{false, true} {
		for i, k := range kinds {
			s, err := k.start(uint16(11100 + 10*i))
			if err != nil {
				return err
			}
			each, err := s.memoryOf(n, tcp)
			s.stop()
			transport := "UDP"
			if tcp {
				transport = "TCP"
			}
			if err != nil {
				return fmt.Errorf("memory of %d allocations over %s: %s: %w", n, transport, k.name, err)
			}
			fmt.Printf("memory: %d allocations over %s: %-8s %.1f KB each\n", n, transport, k.name, each/1000)
		}
	}
	return nil
}

// memoryOf is how many bytes each of many allocations takes that have relayed a packet.
func (s *server) memoryOf(n int, tcp bool) (float64, error) {
	before := s.memory()
	c, err := load{clients: n, size: 160, burst: 1, tcp: tcp}.gather(s)
	if err != nil {
		return 0, err
	}
	defer c.close()
	for i := range n {
		if err := c.send(i); err != nil {
			return 0, err
		}
		if i%100 == 0 {
			time.Sleep(time.Millisecond)
		}
	}
	return float64(s.memory()-before) / float64(n), nil
}

func share(part, of int64) float64 { return 100 * float64(part) / float64(max(1, of)) }
