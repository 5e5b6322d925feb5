package contract

import _ "embed" // the schema

// Schema is the JSON Schema (draft 2020-12) of every message of the contract. "#/$defs/toAdapter" and
// "#/$defs/fromAdapter" are its two directions; "#/$defs/result/METHOD" is what a method returns.
//
//go:embed schema.json
var Schema []byte

// Methods is every method of the contract, in the order in which a session first uses them.
func Methods() []string {
	return []string{
		MethodHello, MethodCreateClient, MethodInit, MethodStartProxyServer, MethodStopProxyServer, MethodSetProxyServer,
		MethodSetTurnServer, MethodJoin, MethodLeave, MethodPublish, MethodSubscribe, MethodSend, MethodStats, MethodReset,
		MethodShutdown,
	}
}
