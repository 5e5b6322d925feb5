package mutant

// all is the registry.
var all = []Mutant{
	{
		Name: "direct-media", Breaks: []string{"CP-FLOW-04"},
		Description: "sends messages through the cloud proxy and media directly to SD-RTN",
		make:        path(directMedia),
	},
	{
		Name: "skips-lookup", Breaks: []string{"CP-FLOW-01"},
		Description: "contacts SD-RTN without having asked the cloud proxy",
		make:        route(direct),
	},
}
