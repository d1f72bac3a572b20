package main

import (
	"net"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func iface(name string, flags net.Flags, addrs ...string) lanInterface {
	i := lanInterface{name: name, flags: flags}
	for _, a := range addrs {
		i.addrs = append(i.addrs, netip.MustParseAddr(a))
	}
	return i
}

func TestLANAddressesPutTheLikeliestFirst(t *testing.T) {
	up := net.FlagUp
	house := []lanInterface{
		iface("lo", up|net.FlagLoopback, "127.0.0.1", "::1"),
		iface("docker0", up, "172.17.0.1"),
		iface("br-1a2b3c", up, "172.18.0.1"),
		iface("veth12ab", up, "169.254.7.7"),
		iface("tun0", up|net.FlagPointToPoint, "10.8.0.2"),
		iface("eth0", up, "fe80::1", "2001:db8::7", "fd00::7", "192.168.1.23"),
		iface("wlan0", 0, "192.168.1.99"),
		iface("br0", up, "10.0.0.7"),
	}
	cases := []struct {
		name, bound string
		want        []string
	}{
		{"every address", "::", []string{"192.168.1.23", "10.0.0.7", "fd00::7", "2001:db8::7", "10.8.0.2"}},
		{"IPv4 only", "0.0.0.0", []string{"192.168.1.23", "10.0.0.7", "10.8.0.2"}},
		{"one address", "10.0.0.7", []string{"10.0.0.7"}},
		{"this machine only", "127.0.0.1", nil},
		{"an address of a bridge for containers", "172.17.0.1", nil},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			var got []string
			for _, a := range lanAddresses(house, netip.MustParseAddr(c.bound)) {
				got = append(got, a.String())
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("addresses (-want +got):\n%s", diff)
			}
		})
	}
}

func TestASelfGivenAddressIsBetterThanNone(t *testing.T) {
	got := lanAddresses([]lanInterface{iface("eth0", net.FlagUp, "169.254.1.2", "fe80::2")}, netip.IPv6Unspecified())
	if len(got) != 1 || got[0].String() != "169.254.1.2" || got[0].device != "eth0" {
		t.Errorf("got %v, want 169.254.1.2 on eth0", got)
	}
}
