// Package kernel gives a program a corner of the Linux kernel of its own, without root: real firewalls and real
// devices that nothing outside can see and that are gone when the program ends.
//
// [Probe] says whether this machine permits it. [Command] is the running program once more, in user, network and
// mount namespaces of its own, where it is root; [Inside] tells the program that it is there. Inside, [OpenTUN]
// makes a device whose packets the program writes and reads itself, and [Forward] makes the namespace a router.
//
// A [Cell] is for a program of somebody else's: its only way out is a TUN device that we hold, before it starts a look
// from within shows what it can reach, and it has no right to change that. [Renumber] puts documentation addresses in the
// place of others on the kernel's side of such a device.
//
// The package owns the namespaces and devices that it makes. Its invariants: nothing is ever changed in the
// namespace of the host; there is no way out of the new one, which has no device but those that the program opens,
// so that no packet leaves the machine; nothing is left after the program, even if it is killed. It starts no
// goroutine. Linux only: elsewhere Probe says so.
package kernel
