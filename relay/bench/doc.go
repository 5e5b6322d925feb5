//go:build linux

// Command bench compares the CPU that TURN servers use for a packet: ours, Debian's coturn and pion/turn's, each
// pinned to one processor and the load to another, in the same run. "make bench-relay" runs it; with -beside all share
// the processor of the load.
//
// Load comes from this program, over loopback, paced and bounded: clients send by ChannelData or Send indications
// with valid channel numbers, peers send everything back, and a packet is counted in each direction in which it
// arrives. The servers take turns, a second each, and what is printed is the median of the rounds' ratios: another
// program that uses the machine meets all of them alike. CPU is that of the server's threads as the scheduler has it.
package main
