package main

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
)

// lanMark tells the program in its environment that it runs in a network of its own.
const lanMark = "SHOAL_BENCH_LAN"

// lanScript gives a new network namespace what a machine in a home has: an address that is not the loopback's and a
// default route. Without them browsers find no address to tell each other.
const lanScript = `PATH=$PATH:/usr/sbin:/sbin
ip link set lo up &&
ip link add shoal0 type veth peer name shoal1 &&
ip address add ` + lanAddress + `/24 dev shoal0 &&
ip link set shoal0 up &&
ip link set shoal1 up &&
ip route add default via 10.77.0.2`

// enterLAN runs this program anew in a network of its own, which ends with it, and so returns only where that is
// not possible, or if it runs there already.
func enterLAN() error {
	if os.Getenv(lanMark) != "" {
		return nil
	}
	unshare, err := exec.LookPath("unshare")
	if err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	args := []string{"unshare", "--net"}
	if os.Getuid() != 0 {
		// As oneself in a user namespace: nginx drops rights when it runs as root, which is not allowed there.
		args = append(args, "--user", "--map-current-user", "--keep-caps")
	}
	args = append(args, "--", "sh", "-c")
	if said, err := exec.Command(unshare, append(args[1:], lanScript)...).CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, strings.TrimSpace(string(said)))
	}
	args = append(args, lanScript+` && exec "$0" "$@"`, self)
	return syscall.Exec(unshare, append(args, os.Args[1:]...), append(os.Environ(), lanMark+"=1"))
}

func inLAN() bool { return os.Getenv(lanMark) != "" }
