// Package link makes network devices of the Linux kernel: a TUN device, and by netlink its state, addresses and routes.
//
// All happens in the network namespace of the calling thread, which must have the right to it. The package keeps nothing,
// starts nothing and imports little: a process that is to be there at once has it. Linux only: elsewhere it is empty.
package link
