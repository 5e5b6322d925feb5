// Package keeper is the process that keeps cells: the first of a user, process and mount namespace, and root there. It
// makes a network for one program after another and lets each in. Package sim/kernel speaks with it, and has what others
// need.
//
// Whoever imports this package can become a keeper: a process whose environment has [Variable] does as the package is
// initialised, and never gets to main. That is early, because the package imports little and nothing of it comes late in
// the order of paths: most of the time that a large program takes to start goes into packages that a keeper doesn't need.
//
// The keeper owns what is in a cell. Its invariants: every cell has network, mount and IPC namespaces of its own and one
// device, whose other end the maker gets; a program has no right to change them, can make no socket that they don't hold,
// can't trace the keeper or have its descriptors, and was looked out for first; when a
// cell is closed no process of it is left; when the maker is gone, the keeper and all its processes are too, because
// the keeper is the first of their process namespace. Linux only: elsewhere there are just the messages.
package keeper
