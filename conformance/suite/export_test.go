package suite

// What tests make SDKs of their own with.
var (
	Populate = populate
	Sound    = config
)
