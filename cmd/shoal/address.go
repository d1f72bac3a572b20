package main

import (
	"errors"
	"net"
	"net/netip"
	"strconv"
	"syscall"

	"shoal/internal/node"
)

const defaultHTTP = ":3003"

// windowsBusy is WSAEADDRINUSE, which errors.Is does not take for syscall.EADDRINUSE.
const windowsBusy = syscall.Errno(10048)

func isBusy(err error) bool {
	return errors.Is(err, syscall.EADDRINUSE) || errors.Is(err, windowsBusy)
}

// portOf returns the port of a listening address such as :3003; 0 when it has none.
func portOf(address string) int {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return 0
	}
	n, _ := strconv.Atoi(port)
	return n
}

// otherPort is the flag that uses the next port of the same address.
func otherPort(flag, address string) string {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return "--" + flag + " :0"
	}
	return "--" + flag + " " + net.JoinHostPort(host, strconv.Itoa(portOf(address)+1))
}

func addrPort(addr net.Addr) netip.AddrPort {
	if tcp, ok := addr.(*net.TCPAddr); ok {
		return tcp.AddrPort()
	}
	return netip.AddrPort{}
}

func scheme(cfg node.Config) string {
	if cfg.TLSCert != "" {
		return "https"
	}
	return "http"
}
