//go:build !linux

package runner

func hugePages() {}

func calmMonitor() {}
