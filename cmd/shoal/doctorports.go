package main

import (
	"context"
	"net"
	"strconv"
	"time"
)

// checkPorts asks the node that runs over the directory how it is, else tries whether one could listen.
func checkPorts(ctx context.Context, p patient) []finding {
	if at, _, ok := runningNode(p.data); ok {
		c := newClient(at, "")
		defer c.close()
		if c.healthy(ctx) == nil {
			findings := []finding{fine("port", "a node answers at "+at.base), answersP2P(ctx, p.p2p)}
			s, _, _ := c.status(ctx) // A node that tells nothing to strangers has no warnings for them.
			return append(findings, warnings(s)...)
		}
	}
	return []finding{checkPort("port", "http", p.http, defaultHTTP), checkPort("p2p", "p2p", p.p2p, defaultP2P)}
}

// checkPort tries whether serve could listen on the address that a flag names.
func checkPort(check, flag, address, usual string) finding {
	l, err := net.Listen("tcp", address)
	if isBusy(err) {
		return failing(check, address+" is used by another program", "shoal serve "+otherPort(flag, address))
	}
	if err != nil {
		return failing(check, "cannot listen on "+address+": "+err.Error(), "shoal serve --"+flag+" "+usual)
	}
	l.Close()
	return fine(check, address+" is free")
}

// answersP2P finds out whether something listens for other nodes. That it is the node that runs, nothing tells from outside.
func answersP2P(ctx context.Context, address string) finding {
	host, _, _ := net.SplitHostPort(address)
	if ip := net.ParseIP(host); host == "" || ip.IsUnspecified() {
		host = "localhost"
	}
	dialer := net.Dialer{Timeout: 2 * time.Second}
	conn, err := dialer.DialContext(ctx, "tcp", net.JoinHostPort(host, strconv.Itoa(portOf(address))))
	if err != nil {
		return doubt("p2p", "nothing listens on "+address+": other nodes may not reach this one", "shoal doctor --p2p with the address that serve was given")
	}
	conn.Close()
	return fine("p2p", "something listens on "+address+" for other nodes")
}

// warnings are what the node itself warns of.
func warnings(s status) (all []finding) {
	for _, raw := range s.Warnings {
		all = append(all, doubt("node", warningText(raw), ""))
	}
	return all
}
