package keeper

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"

	"golang.org/x/sys/unix"
)

// files makes of the host's files what the program may see: no sockets, a name service of the cell's.
func files(o Opening) error {
	_ = unix.Mount("sysfs", "/sys", "sysfs", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC|unix.MS_RDONLY, "")  // as with /proc
	for _, path := range []string{"/proc/sys", "/proc/sysrq-trigger", "/proc/fs", "/proc/irq", "/proc/bus"} { // whose owner is root, and the program may be
		if err := protect(path); err != nil {
			return err
		}
	}
	resolver, err := target("/etc/resolv.conf") // often a link into /run
	if err != nil {
		return err
	}
	for _, dir := range []string{"/run", "/var/run"} {
		if f, err := os.Lstat(dir); err == nil && f.IsDir() { // one may lead to the other
			if err := unix.Mount("tmpfs", dir, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode=0755"); err != nil {
				return fmt.Errorf("empty %s: %w", dir, err)
			}
		}
	}
	if err := os.MkdirAll(Scratch, 0o700); err != nil {
		return err
	}
	scratch, err := os.MkdirTemp("/run", "cell")
	if err != nil {
		return err
	}
	for path, text := range map[string]string{
		resolver:             fmt.Sprintf("nameserver %v\noptions timeout:2 attempts:2\n", o.DNS),
		"/etc/hosts":         "127.0.0.1 localhost\n",
		"/etc/nsswitch.conf": "passwd: files\ngroup: files\nshadow: files\nhosts: files dns\nnetworks: files\nservices: files\nprotocols: files\n",
	} {
		if err := replace(path, text, scratch); err != nil {
			return fmt.Errorf("replace %s: %w", path, err)
		}
	}
	return maskSockets(o.Sockets)
}

// protect makes what is at a path, if anything is, one that can only be read.
func protect(path string) error {
	err := unix.Mount(path, path, "", unix.MS_BIND|unix.MS_REC, "")
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = unix.Mount("", path, "", unix.MS_BIND|unix.MS_REMOUNT|unix.MS_RDONLY|unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, "")
	}
	if err != nil {
		return fmt.Errorf("protect %s: %w", path, err)
	}
	return nil
}

// target is where a name leads to, whether or not there is anything.
func target(name string) (string, error) {
	for range 8 {
		link, err := os.Readlink(name)
		if err != nil {
			return name, nil
		}
		if !path.IsAbs(link) {
			link = path.Join(path.Dir(name), link)
		}
		name = link
	}
	return "", fmt.Errorf("%s leads in circles", name)
}

// replace puts a text in the place of a file, in this namespace.
func replace(name, text, scratch string) error {
	if strings.HasPrefix(name, "/run/") || strings.HasPrefix(name, "/var/run/") { // empty, and ours
		if err := os.MkdirAll(path.Dir(name), 0o755); err != nil {
			return err
		}
		return os.WriteFile(name, []byte(text), 0o644)
	}
	if _, err := os.Stat(name); errors.Is(err, fs.ErrNotExist) && name == "/etc/nsswitch.conf" {
		return nil // a system without it doesn't read it
	}
	ours := path.Join(scratch, path.Base(name))
	if err := os.WriteFile(ours, []byte(text), 0o644); err != nil {
		return err
	}
	return unix.Mount(ours, name, "", unix.MS_BIND, "")
}

// maskSockets covers those Unix sockets of the host that have a file which can still be seen. Those that somebody makes later
// outside of /run, where the program may look, it could reach.
func maskSockets(sockets []string) error {
	for _, path := range sockets {
		if strings.HasPrefix(path, "@") {
			continue // of another network namespace
		}
		if s, err := os.Lstat(path); err != nil || s.Mode()&fs.ModeSocket == 0 {
			continue
		}
		if err := unix.Mount("/dev/null", path, "", unix.MS_BIND, ""); err != nil {
			return fmt.Errorf("cover the socket %s: %w", path, err)
		}
	}
	return nil
}
