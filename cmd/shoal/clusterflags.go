package main

import (
	"fmt"
	"math"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/spf13/pflag"

	"shoal/internal/node"
)

const (
	defaultP2P = ":9004"
	// linkStart is how every invite begins.
	linkStart = "shoal://join/"
	maxCopies = 16
	// maxAdvertised is how many addresses an invite has room for.
	maxAdvertised = 16
	// maxZone is in bytes.
	maxZone = 64
)

// addClusterFlags names what serve can be told of other nodes.
func addClusterFlags(flags *pflag.FlagSet) {
	flags.String("p2p", defaultP2P, "listen on this `ADDRESS` for other nodes")
	flags.String("join", "", "join the cluster of this `LINK`, which shoal invite prints on another node")
	flags.StringSlice("advertise", nil, "tell other nodes this `HOST:PORT` too, such as a router's; may be repeated")
	flags.Bool("no-mdns", false, "do not announce this node on the local network, nor look for others")
	flags.String("zone", "", "where this machine stands; copies go to different zones while there are enough")
	flags.Duration("repair-after", 10*time.Minute, "how long a node may be away before the others make up for it")
	flags.Int("copies", 0, "nodes that keep each chunk, 1 to 16, for the whole cluster (default: as it is, 2 at first)")
	flags.Int("cache-mb", 100, "megabytes of other nodes' chunks to keep in memory")
}

// clusterConfig reads those flags.
func clusterConfig(cfg *node.Config, flags *pflag.FlagSet) (err error) {
	if err := checkAddress("p2p", cfg.P2P, defaultP2P); err != nil {
		return err
	}
	if cfg.Join, err = joinLink(text(flags, "join")); err != nil {
		return err
	}
	if len(cfg.Advertise) == 0 { // else the old variables have named one
		if cfg.Advertise, err = flags.GetStringSlice("advertise"); err != nil {
			return err
		}
	}
	if err := checkAdvertised(cfg.Advertise); err != nil {
		return err
	}
	if cfg.NoMDNS, err = flags.GetBool("no-mdns"); err != nil {
		return err
	}
	if cfg.Zone, err = zoneName(text(flags, "zone")); err != nil {
		return err
	}
	if cfg.RepairAfter, err = repairAfter(flags); err != nil {
		return err
	}
	if cfg.Copies, err = copiesOf(flags); err != nil {
		return err
	}
	cfg.CacheBytes, err = cacheBytes(flags)
	return err
}

// joinLink returns a link without the space that pasting leaves. What is in it is the node's to check.
func joinLink(given string) (string, error) {
	link := strings.TrimSpace(given)
	if link != "" && !strings.HasPrefix(link, linkStart) {
		return "", misuse("cannot use this --join", "An invite begins with "+linkStart+".", "shoal invite on a machine that has the library: it prints one")
	}
	return link, nil
}

func checkAdvertised(all []string) error {
	const remedy = "--advertise films.example.org:9004"
	if len(all) > maxAdvertised {
		return misuse(fmt.Sprintf("cannot use %d --advertise", len(all)), fmt.Sprintf("There is room for %d.", maxAdvertised), "leave out those that others reach least")
	}
	for _, address := range all {
		host, port, err := net.SplitHostPort(address)
		number, portErr := strconv.ParseUint(port, 10, 16)
		if err != nil || host == "" || portErr != nil || number == 0 {
			return misuse("cannot use --advertise "+address, "It is a host, a colon and a port from 1 to 65535.", remedy)
		}
		if isNowhere(host) {
			return misuse("cannot use --advertise "+address, "Nobody can connect to that address.", remedy)
		}
	}
	return nil
}

// isNowhere tells whether a host is an address that stands for all of a machine's, or for a group of machines.
func isNowhere(host string) bool {
	addr, err := netip.ParseAddr(host)
	return err == nil && (addr.IsUnspecified() || addr.IsMulticast())
}

func zoneName(given string) (string, error) {
	zone := strings.TrimSpace(given)
	if len(zone) > maxZone || strings.ContainsFunc(zone, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return "", misuse("cannot use --zone "+given, fmt.Sprintf("It is a short word, at most %d bytes.", maxZone), "--zone attic")
	}
	return zone, nil
}

func repairAfter(flags *pflag.FlagSet) (time.Duration, error) {
	after, err := flags.GetDuration("repair-after")
	if err == nil && after < time.Second {
		return 0, misuse("cannot use --repair-after "+after.String(), "Every node is away for a moment when it is started again.", "--repair-after 10m")
	}
	return after, err
}

// copiesOf returns the number of copies, 0 when none was named.
func copiesOf(flags *pflag.FlagSet) (int, error) {
	copies, err := flags.GetInt("copies")
	if err == nil && (copies < 0 || copies > maxCopies) {
		return 0, misuse(fmt.Sprintf("cannot use --copies %d", copies), fmt.Sprintf("Each chunk is kept by 1 to %d nodes; 0 leaves it as it is.", maxCopies), "--copies 2")
	}
	return copies, err
}

func cacheBytes(flags *pflag.FlagSet) (int64, error) {
	const mb, most = 1_000_000, math.MaxInt64 / 1_000_000
	given, err := flags.GetInt("cache-mb")
	switch {
	case err != nil:
		return 0, err
	case given < 0 || given > most:
		return 0, misuse(fmt.Sprintf("cannot use --cache-mb %d", given), "It is a number of megabytes, 0 for no cache.", "--cache-mb 100")
	case given == 0:
		return -1, nil // The configuration's 0 is for who says nothing.
	}
	return int64(given) * mb, nil
}
