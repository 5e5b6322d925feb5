package world

import (
	"fmt"

	"github.com/proxyspec/proxyspec/conformance/contract"
	"github.com/proxyspec/proxyspec/conformance/result"
	"github.com/proxyspec/proxyspec/sim/policy"
)

// since is the SDK version from which on there is a method, by the vendor's release notes. The cloud proxy came
// with 2.5.1, servers of one's own with 2.3.0.
var since = map[string]string{
	contract.MethodStartProxyServer: "2.5.1",
	contract.MethodStopProxyServer:  "2.5.1",
	contract.MethodSetProxyServer:   "2.3.0",
	contract.MethodSetTurnServer:    "2.3.0",
}

// tooOld ends a case that calls what the SDK under test, by the version that it declares, doesn't have yet: such a
// case is not supported, and says why. A version that can't be read excuses nothing.
func (u *User) tooOld(method string) error {
	first, known := since[method]
	if u.Name != Alice || !known || !before(u.sdk.Version, first) {
		return nil
	}
	return &result.Stop{Outcome: result.NotSupported, Failure: result.Failure{
		Message: fmt.Sprintf("the SDK declares version %s, and %s is there from version %s on", u.sdk.Version, method, first),
	}}
}

// Declared is the version that alice's SDK was taken to declare, if a scenario said so.
func (w *World) Declared() string { return w.setup.Declared }

// before compares two versions. One that can't be read comes before none.
func before(version, release string) bool {
	v, err := policy.ParseVersion(version)
	r, wrong := policy.ParseVersion(release)
	return err == nil && wrong == nil && v.Compare(r) < 0
}
