//go:build !linux

package memory

// HugePages does nothing here.
func HugePages(int) {}

// Mend does nothing here.
func Mend() {}
