// Package bubble runs code in virtual time, in an ordinary program.
//
// [Open] a bubble, hand it functions with [Bubble.Do], and [Bubble.Close] it. Inside, time.Now,
// time.Sleep, timers and tickers follow a clock of the bubble's own, which jumps to the next timer as
// soon as every goroutine in there waits: an hour costs milliseconds. Between two calls of Do the clock
// stands still, so the caller may think as long as he likes. Whatever a function starts belongs to the
// bubble and goes on in the next Do; at the end nothing may be left.
//
// The package is the only place that knows how this is done: by testing/synctest outside a test, which
// nobody promises to keep working. Pin the toolchain in go.mod and call [SelfTest] when a program
// starts.
//
// # Invariants
//
//   - What goes wrong in a function given to Do comes back as an error: a panic or runtime.Goexit (which
//     is what t.Fatal does) as a [PanicError]; a bubble whose time can't pass as a [FrozenError]. A
//     goroutine left at the end is a [LeakError] that names it. The process lives. A panic in a goroutine
//     that the function started does end the process, as always in Go.
//   - A frozen bubble and a goroutine left over can't be killed. The bubble is abandoned with them: its
//     clock never moves again, and every later call returns the same error. They keep their memory, so a
//     program that goes on for long should replace its process.
//   - Do returns when the function has returned and all that it set in motion waits for a later instant.
//     To know that, it lets one nanosecond of virtual time pass. (The race detector doesn't take that for
//     synchronisation: what two goroutines share needs a mutex, a channel or an atomic, as always.)
//
// # What code in a bubble must know
//
//   - Time passes only while every goroutine in the bubble is durably blocked: in Sleep, on a channel or
//     select of channels made inside, on a sync.Cond, or on a sync.WaitGroup of its own. Waiting for a
//     sync.Mutex, a system call, a real socket or a channel made outside is not durable. A goroutine that
//     holds a mutex across a Read, Write or Sleep while another one wants it stops time for ever. hashicorp/yamux
//     (v0.1.2) does, with the mutex of a stream, until the rest of a frame has come.
//   - A loop that polls without blocking stops time, too.
//   - A timer fires at its very instant, and time.Now is that instant until everybody waits. Code that acts only if
//     its deadline lies before now, and not at it, misses it: quic-go did with its retransmissions (v0.54; v0.57
//     doesn't).
//   - Channels, timers and contexts made inside must not be used from outside: the runtime ends the
//     process. The other way round, begin with context.Background() inside: a context that is cancelled
//     from outside is fatal as soon as something derived from it lives inside.
//   - A sync.WaitGroup in a package-level variable can't be used durably, and a timer or ticker kept in one
//     belongs to the bubble that made it.
//   - [Settle] may be called by one goroutine of a bubble only.
//
// It uses the standard library alone, holds no lock while it waits inside a bubble, and its only
// goroutines live as long as a bubble does.
package bubble
