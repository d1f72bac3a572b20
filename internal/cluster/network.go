package cluster

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"strconv"
	"time"

	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/sec"
	"github.com/libp2p/go-libp2p/gologshim"
	"github.com/libp2p/go-libp2p/p2p/host/eventbus"
	"github.com/libp2p/go-libp2p/p2p/host/peerstore/pstoremem"
	"github.com/libp2p/go-libp2p/p2p/muxer/yamux"
	"github.com/libp2p/go-libp2p/p2p/net/swarm"
	"github.com/libp2p/go-libp2p/p2p/net/upgrader"
	"github.com/libp2p/go-libp2p/p2p/security/noise"
	tls "github.com/libp2p/go-libp2p/p2p/security/tls"
	"github.com/libp2p/go-libp2p/p2p/transport/tcp"
	ma "github.com/multiformats/go-multiaddr"
	manet "github.com/multiformats/go-multiaddr/net"
)

const (
	handshakeTime = 10 * time.Second
	// keepAlive is how often a silent connection is asked whether it lives; it is given up when the answer takes as long again.
	keepAlive = 10 * time.Second
	// firstWindow lets a chunk and its frames travel without waiting for the reader's leave.
	firstWindow = 1<<20 + 64<<10
	maxWindow   = 4 << 20
)

// newSwarm returns libp2p's connections alone: streams to peers that are proven by their keys. The rest of libp2p's host (identify,
// its connection manager, relays) is left out: members tell each other what they need by hello, and strangers get nothing of it.
func newSwarm(key crypto.PrivKey, self peer.ID, door *door) (_ *swarm.Swarm, err error) {
	// libp2p's log is one for the process and goes to the standard error; what matters of it comes as errors too.
	gologshim.SetDefaultHandler(slog.DiscardHandler)
	resources, err := newResources(door)
	if err != nil {
		return nil, err
	}
	peers, err := pstoremem.NewPeerstore()
	if err != nil {
		return nil, errors.Join(err, resources.Close())
	}
	if err = errors.Join(peers.AddPrivKey(self, key), peers.AddPubKey(self, key.GetPublic())); err != nil {
		return nil, errors.Join(err, peers.Close(), resources.Close())
	}
	s, err := swarm.NewSwarm(self, peers, eventbus.NewBus(), swarm.WithConnectionGater(door), swarm.WithResourceManager(resources),
		swarm.WithDialTimeout(handshakeTime), swarm.WithDialRanker(rank))
	if err != nil {
		return nil, errors.Join(err, peers.Close(), resources.Close())
	}
	if err := addTransports(s, key, door, resources); err != nil {
		return nil, errors.Join(err, closeSwarm(s))
	}
	return s, nil
}

func closeSwarm(s *swarm.Swarm) error {
	return errors.Join(s.Close(), s.Peerstore().Close(), s.ResourceManager().Close())
}

func addTransports(s *swarm.Swarm, key crypto.PrivKey, door *door, resources network.ResourceManager) error {
	muxers := []upgrader.StreamMuxer{{ID: yamux.ID, Muxer: newMuxer()}}
	overTLS, err := tls.New(tls.ID, key, muxers)
	if err != nil {
		return err
	}
	overNoise, err := noise.New(noise.ID, key, muxers)
	if err != nil {
		return err
	}
	up, err := upgrader.New([]sec.SecureTransport{overTLS, overNoise}, muxers, nil, resources, door, upgrader.WithAcceptTimeout(handshakeTime))
	if err != nil {
		return err
	}
	// With a reused port a second node on it would go unnoticed, and get half of the connections.
	t, err := tcp.NewTCPTransport(up, resources, nil, tcp.DisableReuseport())
	if err != nil {
		return err
	}
	return s.AddTransport(t)
}

func newMuxer() network.Multiplexer {
	config := *yamux.DefaultTransport.Config()
	config.KeepAliveInterval = keepAlive
	config.InitialStreamWindowSize, config.MaxStreamWindowSize = firstWindow, maxWindow
	config.LogOutput = io.Discard
	return (*yamux.Transport)(&config)
}

// rank has all addresses of a node tried at once: there are few, and those that answer on a home's network do so in milliseconds.
func rank(addresses []ma.Multiaddr) []network.AddrDelay {
	ranked := make([]network.AddrDelay, len(addresses))
	for i, address := range addresses {
		ranked[i] = network.AddrDelay{Addr: address}
	}
	return ranked
}

// listen opens the port, of IPv4 and IPv6 where the address names no host.
func listen(s *swarm.Swarm, at string) error {
	host, port, err := net.SplitHostPort(at)
	if err != nil {
		return fmt.Errorf("listen on %q: want HOST:PORT or :PORT: %w", at, err)
	}
	if host != "" {
		return listenOne(s, host, port)
	}
	if err := listenOne(s, "0.0.0.0", port); err != nil {
		return err
	}
	for _, address := range s.ListenAddresses() {
		if tcp, err := address.ValueForProtocol(ma.P_TCP); err == nil {
			port = tcp
		}
	}
	// A machine without IPv6 is well; IPv4 answers.
	_ = listenOne(s, "::", port)
	return nil
}

func listenOne(s *swarm.Swarm, host, port string) error {
	address, err := multiaddrOf(net.JoinHostPort(host, port))
	if err == nil {
		err = s.AddListenAddr(address)
	}
	if err != nil {
		return fmt.Errorf("listen on %s: %w", net.JoinHostPort(host, port), err)
	}
	return nil
}

// multiaddrOf returns host:port in libp2p's form.
func multiaddrOf(at string) (ma.Multiaddr, error) {
	host, port, err := net.SplitHostPort(at)
	if err != nil {
		return nil, err
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil {
		return nil, err
	} else {
		port = strconv.FormatUint(n, 10)
	}
	kind := "dns"
	if ip, err := netip.ParseAddr(host); err == nil {
		if kind = "ip4"; ip.Is6() {
			kind = "ip6"
		}
	}
	return ma.NewMultiaddr("/" + kind + "/" + host + "/tcp/" + port)
}

// hostPort is the inverse of multiaddrOf; "" for what has another form.
func hostPort(address ma.Multiaddr) string {
	if len(address) != 2 || !isDialable(address) {
		return ""
	}
	return net.JoinHostPort(address[0].Value(), address[1].Value())
}

// listening returns where this machine can be reached from others: without the loopback and addresses of one link, unless there is nothing else.
func listening(s *swarm.Swarm) []ma.Multiaddr {
	all, err := s.InterfaceListenAddresses()
	if err != nil {
		return nil
	}
	var far, near []ma.Multiaddr
	for _, address := range all {
		switch {
		case manet.IsIPUnspecified(address) || manet.IsIP6LinkLocal(address):
		case manet.IsIPLoopback(address):
			near = append(near, address)
		default:
			far = append(far, address)
		}
	}
	if len(far) > 0 {
		return far
	}
	return near
}
