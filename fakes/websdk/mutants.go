package websdk

// Mutant is the reference with one rule broken, by wrapping the global AgoraRTC or what the browser gives it.
type Mutant struct {
	Name   string
	Does   string   // "accepts startProxyServer after setProxyServer"
	Breaks []string // requirements
}

// Module is the module that defines its AgoraRTC.
func (m Mutant) Module() string { return "mutant/" + m.Name + ".mjs" }

// Mutants are all of them. Each is told apart by a scenario that names a rule which it breaks.
var Mutants = []Mutant{
	{"mixes-start", "returns from startProxyServer after a set method as if all were well", []string{"CP-API-12", "CP-API-13", "CP-API-16"}},
	{"mixes-set", "returns from the set methods after startProxyServer as if all were well", []string{"CP-API-14", "CP-API-15"}},
	{"starts-while-joined", "remembers a startProxyServer while joined for the next join", []string{"CP-API-03"}},
	{"stops-while-joined", "refuses stopProxyServer while joined, and obeys it at leave", []string{"CP-API-07", "CP-API-26"}},
	{"stop-keeps-turn", "keeps the TURN server when stopProxyServer is called", []string{"CP-API-23", "CP-API-24"}},
	{"stop-keeps-cloud", "keeps the cloud proxy when stopProxyServer is called", []string{"CP-API-21", "CP-SEQ-02"}},
	{"refuses-but-changes", "refuses startProxyServer after a set method, and starts the cloud proxy all the same", []string{"CP-API-17"}},
	{"media-any-way", "sends media direct", []string{"CP-FLOW-04", "CP-FLOW-05", "CP-FLOW-08"}},
	{"skips-lookup", "takes startProxyServer for nothing and joins direct", []string{"CP-FLOW-01", "CP-FLOW-04", "CP-SEQ-01"}},
	{"messages-direct", "opens the message connection to SD-RTN itself", []string{"CP-FLOW-04", "CP-FLOW-05"}},
	{"goodbye-direct", "tells SD-RTN itself that it leaves", []string{"CP-FLOW-04"}},
	{"reuses-lookup", "takes the answer of its first lookup for every later join", []string{"CP-FLOW-12"}},
	{"joined-too-early", "says that it has joined before it has", []string{"CP-FLOW-09", "CP-FLOW-10"}},
	{"sends-twice", "sends each message twice", []string{"CP-FLOW-06"}},
	{"leaves-connection", "goes on sending on the message connection after leave", []string{"CP-SEQ-06"}},
}
