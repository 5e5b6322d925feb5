package mutant

import (
	"slices"

	"github.com/proxyspec/proxyspec/conformance/contract"
	"github.com/proxyspec/proxyspec/fakes/sdk"
)

const (
	start    = contract.MethodStartProxyServer
	stop     = contract.MethodStopProxyServer
	setProxy = contract.MethodSetProxyServer
	setTurn  = contract.MethodSetTurnServer
)

// settings have a wrong decision table of the four methods. Most change one cell.
var settings = []Mutant{
	{
		Name: "start-in-channel", Breaks: []string{"CP-API-03", "CP-API-04", "CP-API-11", "CP-API-32", "CP-API-33"},
		Description: "accepts startProxyServer while it is in a channel",
		make:        accepts(start),
	},
	{
		Name: "stop-in-channel", Breaks: []string{"CP-API-07", "CP-API-08", "CP-API-11", "CP-API-26", "CP-API-34", "CP-API-35"},
		Description: "accepts stopProxyServer while it is in a channel",
		make:        accepts(stop),
	},
	{
		Name: "set-in-channel", Breaks: []string{"CP-API-28"},
		Description: "accepts setProxyServer and setTurnServer while it is in a channel",
		make:        accepts(setProxy, setTurn),
	},
	{
		Name: "quiet-in-channel", Breaks: []string{"CP-API-11", "CP-API-28", "CP-API-32", "CP-API-33", "CP-API-34", "CP-API-35"},
		Description: "ignores the four methods without an error while it is in a channel",
		make: decide(func(in bool, s sdk.Setting, c sdk.Change) (sdk.Setting, error) {
			if in {
				return s, nil
			}
			return sdk.Decide(in, s, c)
		}),
	},
	{
		Name: "refused-start-starts", Breaks: []string{"CP-API-03", "CP-API-04"},
		Description: "reports an error for startProxyServer in a channel and starts it for the next join",
		make:        effective(start),
	},
	{
		Name: "refused-stop-stops", Breaks: []string{"CP-API-07", "CP-API-08", "CP-API-26"},
		Description: "reports an error for stopProxyServer in a channel and clears everything",
		make:        effective(stop),
	},
	{
		Name: "refuses-start", Breaks: []string{"CP-API-01", "CP-API-02", "CP-SEQ-01"},
		Description: "always reports an error for startProxyServer",
		make:        refuses(func(_ sdk.Setting, c sdk.Change) bool { return c.Method == start }),
	},
	{
		Name: "refuses-stop", Breaks: []string{"CP-API-05", "CP-API-06", "CP-API-09", "CP-API-21", "CP-API-25", "CP-SEQ-02"},
		Description: "always reports an error for stopProxyServer",
		make:        refuses(func(_ sdk.Setting, c sdk.Change) bool { return c.Method == stop }),
	},
	{
		Name: "strict-about-repeats", Breaks: []string{"CP-API-27"},
		Description: "reports an error for a second startProxyServer, and for stopProxyServer with nothing set",
		make: refuses(func(s sdk.Setting, c sdk.Change) bool {
			return c.Method == start && s.Cloud || c.Method == stop && !s.Cloud && !ownSet(s)
		}),
	},
	{
		Name: "start-after-proxy", Breaks: []string{"CP-API-12", "CP-API-17"},
		Description: "accepts startProxyServer after setProxyServer",
		make:        mixes(func(s sdk.Setting, c sdk.Change) bool { return c.Method == start && s.Proxy != "" && s.Turn == nil }),
	},
	{
		Name: "start-after-turn", Breaks: []string{"CP-API-13", "CP-API-17"},
		Description: "accepts startProxyServer after setTurnServer",
		make:        mixes(func(s sdk.Setting, c sdk.Change) bool { return c.Method == start && s.Turn != nil && s.Proxy == "" }),
	},
	{
		Name: "start-after-both", Breaks: []string{"CP-API-16"},
		Description: "accepts startProxyServer after setProxyServer and setTurnServer together",
		make:        mixes(func(s sdk.Setting, c sdk.Change) bool { return c.Method == start && s.Turn != nil && s.Proxy != "" }),
	},
	{
		Name: "proxy-after-start", Breaks: []string{"CP-API-14", "CP-API-17"},
		Description: "accepts setProxyServer after startProxyServer",
		make:        mixes(func(s sdk.Setting, c sdk.Change) bool { return c.Method == setProxy && s.Cloud }),
	},
	{
		Name: "turn-after-start", Breaks: []string{"CP-API-15", "CP-API-17"},
		Description: "accepts setTurnServer after startProxyServer",
		make:        mixes(func(s sdk.Setting, c sdk.Change) bool { return c.Method == setTurn && s.Cloud }),
	},
	{
		Name: "refused-mix-takes-over", Breaks: []string{"CP-API-17"},
		Description: "reports an error when methods are mixed, and lets the later one win",
		make: decide(func(in bool, s sdk.Setting, c sdk.Change) (sdk.Setting, error) {
			next, err := sdk.Decide(in, s, c)
			if err != nil && !in && conflicts(s, c) {
				next, _ = sdk.Decide(false, sdk.Setting{}, c)
			}
			return next, err
		}),
	},
	{
		Name: "refused-mix-clears", Breaks: []string{"CP-API-17"},
		Description: "reports an error when methods are mixed, and forgets what was set",
		make: decide(func(in bool, s sdk.Setting, c sdk.Change) (sdk.Setting, error) {
			next, err := sdk.Decide(in, s, c)
			if err != nil && !in && conflicts(s, c) {
				next = sdk.Setting{}
			}
			return next, err
		}),
	},
	{
		Name: "one-of-ones-own", Breaks: []string{"CP-API-18", "CP-API-26"},
		Description: "takes setProxyServer and setTurnServer for alternatives: the later one replaces the earlier",
		make: decide(func(in bool, s sdk.Setting, c sdk.Change) (sdk.Setting, error) {
			next, err := sdk.Decide(in, s, c)
			if err == nil && c.Method == setProxy {
				next.Turn = nil
			} else if err == nil && c.Method == setTurn {
				next.Proxy = ""
			}
			return next, err
		}),
	},
	{
		Name: "stop-keeps-cloud", Breaks: []string{"CP-API-05", "CP-API-06", "CP-API-09", "CP-API-21", "CP-SEQ-02", "CP-SEQ-05", "CP-SEQ-11", "CP-SEQ-08"},
		Description: "clears only setProxyServer and setTurnServer when stopProxyServer is called",
		make:        keeps(func(before sdk.Setting, s *sdk.Setting) { s.Cloud = before.Cloud }),
	},
	{
		Name: "stop-keeps-proxy", Breaks: []string{"CP-API-22", "CP-API-24", "CP-API-25", "CP-API-31"},
		Description: "doesn't clear setProxyServer when stopProxyServer is called",
		make:        keeps(func(before sdk.Setting, s *sdk.Setting) { s.Proxy = before.Proxy }),
	},
	{
		Name: "stop-keeps-turn", Breaks: []string{"CP-API-23", "CP-API-24", "CP-API-25", "CP-API-31"},
		Description: "doesn't clear setTurnServer when stopProxyServer is called",
		make:        keeps(func(before sdk.Setting, s *sdk.Setting) { s.Turn = before.Turn }),
	},
	{
		Name: "stop-clears-its-own", Breaks: []string{"CP-API-22", "CP-API-23", "CP-API-24", "CP-API-25", "CP-API-31"},
		Description: "clears only startProxyServer when stopProxyServer is called",
		make:        keeps(func(before sdk.Setting, s *sdk.Setting) { s.Proxy, s.Turn = before.Proxy, before.Turn }),
	},
	{
		Name: "stop-clears-one", Breaks: []string{"CP-API-24"},
		Description: "clears setProxyServer but not setTurnServer when stopProxyServer is called and both are set",
		make: keeps(func(before sdk.Setting, s *sdk.Setting) {
			if before.Proxy != "" {
				s.Turn = before.Turn
			}
		}),
	},
	{
		Name: "conflict-outlives-stop", Breaks: []string{"CP-API-25"},
		Description: "goes on refusing startProxyServer after stopProxyServer has cleared a server of one's own",
		make: config(func(cfg *sdk.Config) {
			tainted := false // calls of the four methods come one after the other
			cfg.Decide = func(in bool, s sdk.Setting, c sdk.Change) (sdk.Setting, error) {
				tainted = tainted || ownSet(s)
				if tainted && c.Method == start {
					return s, contract.SDKError(sdk.CodeProxyConflict, "setProxyServer or setTurnServer was used before")
				}
				return sdk.Decide(in, s, c)
			}
		}),
	},
	{
		Name: "gives-in", Breaks: []string{"CP-API-30"},
		Description: "accepts a call that mixes methods when it comes again straight after it was refused",
		make: config(func(cfg *sdk.Config) {
			refused := ""
			cfg.Decide = func(in bool, s sdk.Setting, c sdk.Change) (sdk.Setting, error) {
				if !in && conflicts(s, c) && refused == c.Method {
					s = sdk.Setting{}
				}
				next, err := sdk.Decide(in, s, c)
				refused = ""
				if err != nil {
					refused = c.Method
				}
				return next, err
			}
		}),
	},
	{
		Name: "strict-parameters", Breaks: []string{"CP-CFG-01", "CP-CFG-02", "CP-CFG-03"},
		Description: "refuses what is just within the limits of a parameter, and a TURN server without a tcpport",
		make: decide(func(in bool, s sdk.Setting, c sdk.Change) (sdk.Setting, error) {
			texts, ports := []string{c.Proxy}, []string{}
			for _, t := range c.Turn {
				texts, ports = append(texts, t.TurnServerURL, t.Username, t.Password), append(ports, t.UDPPort, t.TCPPort)
			}
			if slices.ContainsFunc(texts, func(t string) bool { return len(t) == 1 || len(t) == 255 }) ||
				slices.ContainsFunc(ports, func(p string) bool { return p == "1" || p == "65535" || p == "" }) {
				return s, contract.SDKError(sdk.CodeInvalidParams, "a parameter is out of bounds")
			}
			return sdk.Decide(in, s, c)
		}),
	},
	{
		Name: "unchecked-parameters", Breaks: []string{"CP-CFG-01", "CP-CFG-02", "CP-CFG-03"},
		Description: "takes whatever it is given as proxy and TURN server",
		make: decide(func(in bool, s sdk.Setting, c sdk.Change) (sdk.Setting, error) {
			next, err := sdk.Decide(in, s, c)
			if err != nil && !in && !conflicts(s, c) {
				if c.Method == setProxy {
					next.Proxy = c.Proxy
				} else {
					next.Turn = c.Turn
				}
				err = nil
			}
			return next, err
		}),
	},
}

type table = func(in bool, s sdk.Setting, c sdk.Change) (sdk.Setting, error)

// decide makes a mutant with a decision table of its own.
func decide(t table) func(sdk.Config) SDK {
	return config(func(cfg *sdk.Config) { cfg.Decide = t })
}

// ownSet reports whether a server of one's own is set.
func ownSet(s sdk.Setting) bool { return s.Proxy != "" || s.Turn != nil }

// conflicts reports whether a change mixes the cloud proxy and servers of one's own.
func conflicts(s sdk.Setting, c sdk.Change) bool {
	return c.Method == start && ownSet(s) || (c.Method == setProxy || c.Method == setTurn) && s.Cloud
}

// accepts makes a mutant that takes some methods in a channel as it does outside.
func accepts(methods ...string) func(sdk.Config) SDK {
	return decide(func(in bool, s sdk.Setting, c sdk.Change) (sdk.Setting, error) {
		for _, m := range methods {
			in = in && c.Method != m
		}
		return sdk.Decide(in, s, c)
	})
}

// effective makes a mutant that refuses a method in a channel, but acts on it.
func effective(method string) func(sdk.Config) SDK {
	return decide(func(in bool, s sdk.Setting, c sdk.Change) (sdk.Setting, error) {
		next, err := sdk.Decide(in, s, c)
		if in && c.Method == method {
			next, _ = sdk.Decide(false, s, c)
		}
		return next, err
	})
}

// refuses makes a mutant that refuses more than it should.
func refuses(what func(sdk.Setting, sdk.Change) bool) func(sdk.Config) SDK {
	return decide(func(in bool, s sdk.Setting, c sdk.Change) (sdk.Setting, error) {
		if what(s, c) {
			return s, contract.SDKError(sdk.CodeInvalidOperation, c.Method+" is not allowed now")
		}
		return sdk.Decide(in, s, c)
	})
}

// mixes makes a mutant that lets some changes replace what excludes them.
func mixes(what func(sdk.Setting, sdk.Change) bool) func(sdk.Config) SDK {
	return decide(func(in bool, s sdk.Setting, c sdk.Change) (sdk.Setting, error) {
		if !in && what(s, c) {
			s = sdk.Setting{}
		}
		return sdk.Decide(in, s, c)
	})
}

// keeps makes a mutant whose stopProxyServer leaves something set.
func keeps(what func(before sdk.Setting, s *sdk.Setting)) func(sdk.Config) SDK {
	return decide(func(in bool, s sdk.Setting, c sdk.Change) (sdk.Setting, error) {
		next, err := sdk.Decide(in, s, c)
		if err == nil && c.Method == stop {
			what(s, &next)
		}
		return next, err
	})
}
