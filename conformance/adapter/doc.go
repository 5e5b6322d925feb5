// Package adapter runs an SDK that is a program: it speaks the SDK contract on standard input and output.
//
// [Start] starts the program and gives the stream for a contract.Client. Standard output belongs to the contract;
// what comes on standard error is the SDK's log. The package owns the process: however it behaves, [Process.Close]
// ends it and what it started within [Grace], and an error of the stream says in words how it ended. It reads no
// frame and knows no network: where the program runs is the affair of its [Program], most often a cell ([InCell]).
//
// [Check] puts a program through its paces without a suite, and says who is to blame for what went wrong: the
// adapter, the SDK or the harness.
package adapter
