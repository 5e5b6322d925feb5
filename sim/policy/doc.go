// Package policy turns a vendor's table of addresses and ports into something that can be checked, explained,
// compared, exported and proved.
//
// [Parse] a policy file (YAML, JSON, CSV, or the table as it is pasted from a web page), or take an [Embedded]
// one; then
//
//   - [Lint] finds what is wrong with the file, and [Policy.Lint] what is wrong with a policy for one use of it;
//   - [Policy.Compile] makes the rules that package firewall decides by, with a [Names] table for rows by
//     domain name;
//   - [Policy.Explain] says why one packet passes or not, and which row is nearest;
//   - [Diff] says what changed between two lists and which calls break in between;
//   - [Policy.Export] writes rules for real firewalls, and package ruleset checks whether real ones let a policy
//     through.
//
// The package owns the policy's model, its files and their JSON Schema. Its invariants: whatever is wrong with a
// file is said with line and column, all of it at once; nothing is guessed, and what a reader left out is
// said too; output is the same for the same policy; time comes in as an argument. It opens no file and no socket,
// and looks up no name.
package policy
