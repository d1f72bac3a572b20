package main

import (
	"net"
	"net/netip"
	"slices"
	"strings"
)

// lanInterface is one network interface, as far as choosing an address needs it.
type lanInterface struct {
	name  string
	flags net.Flags
	addrs []netip.Addr
}

// lanAddress is an address under which other devices may reach this machine.
type lanAddress struct {
	netip.Addr
	device string
}

// systemInterfaces asks the operating system, never the network.
func systemInterfaces() ([]lanInterface, error) {
	found, err := net.Interfaces()
	if err != nil {
		return nil, err
	}
	var all []lanInterface
	for _, i := range found {
		addrs, err := i.Addrs()
		if err != nil {
			continue // It went away meanwhile.
		}
		all = append(all, lanInterface{name: i.Name, flags: i.Flags, addrs: plainAddrs(addrs)})
	}
	return all, nil
}

func plainAddrs(addrs []net.Addr) []netip.Addr {
	var plain []netip.Addr
	for _, a := range addrs {
		if prefix, err := netip.ParsePrefix(a.String()); err == nil {
			plain = append(plain, prefix.Addr().Unmap())
		}
	}
	return plain
}

// lanAddresses picks the addresses to show to other devices, the likeliest first.
// bound is what the node listens on; a single address leaves only that one.
func lanAddresses(interfaces []lanInterface, bound netip.Addr) []lanAddress {
	var chosen []lanAddress
	for _, i := range interfaces {
		for _, addr := range i.addrs {
			if rank(i, addr) > 0 && reachable(bound, addr) {
				chosen = append(chosen, lanAddress{Addr: addr, device: i.name})
			}
		}
	}
	byName := make(map[string]lanInterface)
	for _, i := range interfaces {
		byName[i.name] = i
	}
	slices.SortStableFunc(chosen, func(a, b lanAddress) int {
		return rank(byName[b.device], b.Addr) - rank(byName[a.device], a.Addr)
	})
	return chosen
}

func reachable(bound, addr netip.Addr) bool {
	return !bound.IsValid() || bound.IsUnspecified() && (bound.Is6() || addr.Is4()) || bound.Unmap() == addr
}

// rank says how likely a device on the same network reaches addr: 0 for never, more for likelier.
func rank(i lanInterface, addr netip.Addr) int {
	if i.flags&net.FlagUp == 0 || i.flags&net.FlagLoopback != 0 || isContainerBridge(i.name) {
		return 0
	}
	score := kindScore(addr)
	if score > 0 && isTunnel(i) {
		return 1
	}
	return score
}

// kindScore prefers what homes use: private IPv4, then local IPv6, then public addresses, then
// IPv4 that a device gave itself. Link-local IPv6 needs a zone, which no page address can carry.
func kindScore(addr netip.Addr) int {
	switch {
	case addr.IsLoopback() || addr.IsMulticast() || addr.IsUnspecified():
		return 0
	case addr.Is4() && addr.IsPrivate():
		return 6
	case addr.IsPrivate():
		return 5
	case addr.Is4() && addr.IsLinkLocalUnicast():
		return 2
	case addr.IsLinkLocalUnicast():
		return 0
	case addr.Is4():
		return 4
	}
	return 3
}

func isContainerBridge(name string) bool {
	return hasAnyPrefix(name, "docker", "veth", "br-", "virbr", "vnet", "lxc", "lxd", "cni", "flannel", "cali", "podman", "vmnet", "vboxnet")
}

func isTunnel(i lanInterface) bool {
	return i.flags&net.FlagPointToPoint != 0 || hasAnyPrefix(i.name, "tun", "tap", "wg", "utun", "tailscale", "zt", "ppp")
}

func hasAnyPrefix(s string, prefixes ...string) bool {
	return slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(s, p) })
}
