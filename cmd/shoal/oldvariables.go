package main

import (
	"log/slog"
	"net"
	"net/netip"
	"strconv"

	"github.com/spf13/pflag"

	"shoal/internal/node"
)

// oldVariables understands the variables of earlier set-ups, where the new ones are silent.
func (a *app) oldVariables(flags *pflag.FlagSet, cfg *node.Config, log *slog.Logger) error {
	if err := a.oldPort("API_PORT", "http", defaultHTTP, flags, &cfg.HTTP, log); err != nil {
		return err
	}
	if err := a.oldPort("HOST_PORT", "p2p", defaultP2P, flags, &cfg.P2P, log); err != nil {
		return err
	}
	if port, _ := a.setting("DHT_PORT"); port != "" {
		log.Info("DHT_PORT has no effect: nodes find each other through one port now", "p2p", cfg.P2P)
	}
	return a.oldHost(flags, cfg, log)
}

// oldPort has an old variable say the port of an address, unless the flag was given.
func (a *app) oldPort(old, flag, usual string, flags *pflag.FlagSet, address *string, log *slog.Logger) error {
	port, _ := a.setting(old)
	if port == "" || flags.Changed(flag) {
		return nil
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return misuse("cannot use "+old+"="+port, "It is not a port number.", "--"+flag+" "+usual)
	}
	*address = ":" + port
	log.Info(old+" is understood; its name is "+envName(flag)+" now", flag, *address)
	return nil
}

// oldHost has HOST_IP say where other nodes reach this one. Many old set-ups name an address there that says nothing to others.
func (a *app) oldHost(flags *pflag.FlagSet, cfg *node.Config, log *slog.Logger) error {
	host, _ := a.setting("HOST_IP")
	if host == "" || flags.Changed("advertise") {
		return nil
	}
	addr, err := netip.ParseAddr(host)
	port := portOf(cfg.P2P)
	switch {
	case err != nil:
		return misuse("cannot use HOST_IP="+host, "It is not an IP address.", "--advertise HOST:PORT")
	case addr.IsUnspecified() || addr.IsLoopback() || port == 0:
		log.Info("HOST_IP has no effect: the node finds its addresses itself", "host", host)
	default:
		cfg.Advertise = []string{net.JoinHostPort(host, strconv.Itoa(port))}
		log.Info("HOST_IP is understood; its name is SHOAL_ADVERTISE now", "advertise", cfg.Advertise[0])
	}
	return nil
}
