// Package ruleset reads the rules of a real Linux firewall and tells whether they let a policy through.
//
// [Parse] what "nft -j list ruleset" or "iptables-save" prints, and [Check] a policy against it. The report says of
// each row whether it is open, partly open and which ports are missing, or closed, and by which rule; and what is
// open that no row needs. [Ruleset.Decide] answers for a single packet.
//
// The package owns a model of netfilter: chains at hooks by priority, jumps, matches on addresses, ports,
// protocols, interfaces, connection state and TCP flags, sets and verdict maps. It computes with whole regions of
// addresses and ports, so that its answers hold for every packet of a region, not for samples.
//
// Its invariant is honesty: a match or an action that the model doesn't know makes the answer "undecided" wherever
// it could matter, with the rule and the reason; nothing is guessed. Chains that judge packets before or after IP (at
// ingress and egress) make it undecided if they can drop any; the tables of bridges are named, and not judged. Addresses
// that a row asks for are taken for none of the firewall's own. It changes no firewall and runs no program.
package ruleset
