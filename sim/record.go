package sim

import (
	"fmt"
	"io"

	"github.com/proxyspec/proxyspec/sim/capture"
	"github.com/proxyspec/proxyspec/sim/firewall"
)

// Capture writes the packets that nodes see to a pcapng file, from now on: an interface for each host and port,
// and two for each router, of which the first is its firewall's or NAT's inside. A packet's time is the network's
// clock, and its comment what the firewall said. The file is written in pieces of 64 KiB. Close the capture once
// Serve has returned; until then its methods may only be called by way of Do.
func (n *Network) Capture(w io.Writer, nodes ...Node) (*capture.Capture, error) {
	var names []string
	first := make([]int, len(nodes))
	for i, node := range nodes {
		if node.network() != n {
			panic(fmt.Sprintf("sim: %s is not of the network that captures what it sees", node.label()))
		}
		first[i] = len(names)
		names = append(names, node.label())
		if _, ok := node.(*Router); ok {
			names[first[i]] = node.label() + " inside"
			names = append(names, node.label()+" outside")
		}
	}
	c, err := capture.New(w, names...)
	if err != nil {
		return nil, err
	}
	c.Gather(captureGathers)
	n.Do(func() {
		for i, node := range nodes {
			node.watch(n.recorder(c, first[i]))
		}
	})
	return c, nil
}

const captureGathers = 64 << 10

// recorder is a tap that writes to a capture. What can't be written, the capture remembers: Close tells.
func (n *Network) recorder(c *capture.Capture, first int) func(*Sighting) {
	var last firewall.Verdict
	comment := ""
	return func(s *Sighting) {
		iface := first
		if s.Router && !s.Inside {
			iface++
		}
		text := ""
		if s.Judged {
			if comment == "" || s.Verdict != last {
				last, comment = s.Verdict, fmt.Sprintf("%v by rule %s", s.Verdict.Action, s.Verdict.Rule)
			}
			text = comment
		}
		_ = c.Add(iface, n.start.Add(s.At), s.Packet, text)
	}
}
