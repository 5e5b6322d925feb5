//go:build linux && (amd64 || arm64)

package batch

import (
	"bytes"
	"fmt"
	"os"
)

// DropRing has a group do without, as where the system has none. It reports false if it hasn't.
func (g *Group) DropRing() bool {
	if g.ring == nil {
		return false
	}
	g.ring.close()
	g.ring = nil
	return true
}

// Watched is how many sockets the kernel looks at for a group.
func (g *Group) Watched() (int, error) {
	about, err := os.ReadFile(fmt.Sprint("/proc/self/fdinfo/", g.inner))
	return bytes.Count(about, []byte("tfd:")), err
}
