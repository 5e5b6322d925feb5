package kernel

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/proxyspec/proxyspec/sim/kernel/link"
)

// Probe says why this machine gives no namespaces and devices to its users; nil if it does. Some hosts and many
// containers forbid them.
func Probe() error {
	program, err := exec.LookPath("true")
	if err != nil {
		return fmt.Errorf("probe namespaces: %w", err)
	}
	cmd := exec.Command(program)
	cmd.SysProcAttr = attributes()
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("this machine forbids user and network namespaces (%w); %s", err, permission())
	}
	tun, err := os.OpenFile(link.Device, os.O_RDWR, 0)
	if err != nil {
		return fmt.Errorf("this machine has no TUN devices (%w): load the module tun, or give the container /dev/net/tun", err)
	}
	return tun.Close()
}

// permission says what to allow where namespaces are forbidden. Root isn't needed.
func permission() string {
	for _, setting := range []struct{ file, bad, advice string }{
		{"kernel/unprivileged_userns_clone", "0", "allow them by: sysctl kernel.unprivileged_userns_clone=1"},
		{"user/max_user_namespaces", "0", "allow them by: sysctl user.max_user_namespaces=10000"},
		{"kernel/apparmor_restrict_unprivileged_userns", "1", "allow them by: sysctl kernel.apparmor_restrict_unprivileged_userns=0"},
	} {
		if value, err := os.ReadFile("/proc/sys/" + setting.file); err == nil && strings.TrimSpace(string(value)) == setting.bad {
			return setting.advice
		}
	}
	return "in a container, start it with a seccomp profile that permits unshare and mount"
}

// Command is the running program with other arguments, in namespaces of its own. There it is root, whoever it is
// outside, and the network has nothing but a loopback device that is down. It ends with its parent.
func Command(ctx context.Context, args ...string) (*exec.Cmd, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, self, args...)
	cmd.Env = append(os.Environ(), insideVariable+"=1")
	cmd.SysProcAttr = attributes()
	return cmd, nil
}

func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{
		Cloneflags:  unix.CLONE_NEWUSER | unix.CLONE_NEWNET | unix.CLONE_NEWNS,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
		Pdeathsig:   syscall.SIGKILL,
	}
}

// Forward lets the namespace pass packets on from one device to another, whatever way the answers would take.
func Forward() error {
	if !Inside() {
		return errOutside
	}
	for name, value := range map[string]string{
		"ipv4/ip_forward":             "1",
		"ipv4/conf/all/rp_filter":     "0",
		"ipv4/conf/default/rp_filter": "0",
		"ipv6/conf/all/forwarding":    "1",
	} {
		if err := os.WriteFile("/proc/sys/net/"+name, []byte(value), 0); err != nil {
			return fmt.Errorf("make the namespace a router: %w", err)
		}
	}
	return nil
}
