//go:build linux && (amd64 || arm64)

package batch

// DropRing has a group do without, as where the system has none. It reports false if it hasn't.
func (g *Group) DropRing() bool {
	if g.ring == nil {
		return false
	}
	g.ring.close()
	g.ring = nil
	return true
}
