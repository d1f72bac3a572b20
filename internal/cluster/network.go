package cluster

import (
	"crypto/rand"
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
	libp2pquic "github.com/libp2p/go-libp2p/p2p/transport/quic"
	"github.com/libp2p/go-libp2p/p2p/transport/quicreuse"
	"github.com/libp2p/go-libp2p/p2p/transport/tcp"
	ma "github.com/multiformats/go-multiaddr"
	manet "github.com/multiformats/go-multiaddr/net"
	"github.com/quic-go/quic-go"
)

const (
	handshakeTime = 10 * time.Second
	// keepAlive is how often a silent connection is asked whether it lives; it is given up when the answer takes as long again.
	keepAlive = 10 * time.Second
	// firstWindow lets a chunk and its frames travel without waiting for the reader's leave.
	firstWindow = 1<<20 + 64<<10
	maxWindow   = 4 << 20
)

// lines are libp2p's connections alone: streams to peers that are proven by their keys. The rest of libp2p's host (identify, its
// connection manager, relays) is left out: members tell each other what they need by hello, and strangers get nothing of it.
type lines struct {
	*swarm.Swarm
	udp *quicreuse.ConnManager
}

func newLines(key crypto.PrivKey, self peer.ID, door *door) (*lines, error) {
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
	s, err := swarm.NewSwarm(self, peers, eventbus.NewBus(), swarm.WithConnectionGater(door), swarm.WithResourceManager(resources),
		swarm.WithDialTimeout(handshakeTime), swarm.WithDialRanker(rank))
	if err != nil {
		return nil, errors.Join(err, peers.Close(), resources.Close())
	}
	l := &lines{Swarm: s}
	if err = l.addTCP(key, door); err == nil {
		err = l.addQUIC(key, door)
	}
	if err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

// Close ends everything and waits until it has ended.
func (l *lines) Close() error {
	errs := []error{l.Swarm.Close()}
	if l.udp != nil {
		errs = append(errs, l.udp.Close())
	}
	return errors.Join(append(errs, l.Peerstore().Close(), l.ResourceManager().Close())...)
}

func (l *lines) addTCP(key crypto.PrivKey, door *door) error {
	muxers := []upgrader.StreamMuxer{{ID: yamux.ID, Muxer: newMuxer()}}
	overTLS, err := tls.New(tls.ID, key, muxers)
	if err != nil {
		return err
	}
	overNoise, err := noise.New(noise.ID, key, muxers)
	if err != nil {
		return err
	}
	secure := []sec.SecureTransport{overTLS, overNoise}
	up, err := upgrader.New(secure, muxers, nil, l.ResourceManager(), door, upgrader.WithAcceptTimeout(handshakeTime))
	if err != nil {
		return err
	}
	// With a reused port a second node on it would go unnoticed, and get half of the connections.
	t, err := tcp.NewTCPTransport(up, l.ResourceManager(), nil, tcp.DisableReuseport())
	if err != nil {
		return err
	}
	return l.AddTransport(t)
}

// addQUIC is for networks that let only that through: it takes more than twice the work of TCP.
func (l *lines) addQUIC(key crypto.PrivKey, door *door) (err error) {
	var resets quic.StatelessResetKey
	var tokens quic.TokenGeneratorKey
	rand.Read(resets[:])
	rand.Read(tokens[:])
	resources := l.ResourceManager()
	if l.udp, err = quicreuse.NewConnManager(resets, tokens, quicreuse.VerifySourceAddress(resources.VerifySourceAddress)); err != nil {
		return err
	}
	t, err := libp2pquic.NewTransport(key, l.udp, nil, door, resources)
	if err != nil {
		return err
	}
	return l.AddTransport(t)
}

func newMuxer() network.Multiplexer {
	config := *yamux.DefaultTransport.Config()
	config.KeepAliveInterval = keepAlive
	config.InitialStreamWindowSize, config.MaxStreamWindowSize = firstWindow, maxWindow
	config.LogOutput = io.Discard
	return (*yamux.Transport)(&config)
}

// rank has a node tried at all of some addresses at once: there are few, and those that answer on a home's network do so in
// milliseconds.
func rank(addresses []ma.Multiaddr) []network.AddrDelay {
	ranked := make([]network.AddrDelay, len(addresses))
	for i, address := range addresses {
		ranked[i] = network.AddrDelay{Addr: address}
	}
	return ranked
}

func isQUIC(address ma.Multiaddr) bool {
	_, err := address.ValueForProtocol(ma.P_QUIC_V1)
	return err == nil
}

// listen opens the port, of IPv4 and IPv6 where the address names no host.
func (l *lines) listen(at string) error {
	host, port, err := net.SplitHostPort(at)
	if err != nil {
		return fmt.Errorf("listen on %q: want HOST:PORT or :PORT: %w", at, err)
	}
	hosts := []string{host}
	if host == "" {
		hosts = []string{"0.0.0.0", "::"}
	}
	if err := l.listenTCP(hosts[0], port); err != nil {
		return fmt.Errorf("listen on %s: %w", at, err)
	}
	port = l.ListenAddresses()[0][1].Value() // the one that it became where 0 was asked for
	// A machine without IPv6, or whose port for QUIC is taken, is reached by the rest.
	for _, other := range hosts[1:] {
		_ = l.listenTCP(other, port)
	}
	for _, host := range hosts {
		if address, err := overQUIC(net.JoinHostPort(host, port)); err == nil {
			_ = l.AddListenAddr(address)
		}
	}
	return nil
}

func (l *lines) listenTCP(host, port string) error {
	address, err := overTCP(net.JoinHostPort(host, port))
	if err != nil {
		return err
	}
	return l.AddListenAddr(address)
}

// overTCP returns host:port in libp2p's form.
func overTCP(at string) (ma.Multiaddr, error) { return multiaddrOf(at, "/%s/%s/tcp/%d") }

func overQUIC(at string) (ma.Multiaddr, error) { return multiaddrOf(at, "/%s/%s/udp/%d/quic-v1") }

func multiaddrOf(at, form string) (ma.Multiaddr, error) {
	host, port, err := net.SplitHostPort(at)
	if err != nil {
		return nil, err
	}
	number, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return nil, err
	}
	kind := "dns"
	if ip, err := netip.ParseAddr(host); err == nil {
		if kind = "ip4"; ip.Is6() {
			kind = "ip6"
		}
	}
	return ma.NewMultiaddr(fmt.Sprintf(form, kind, host, number))
}

// ways returns how to reach what answers at some addresses, HOST:PORT. What is none is left out.
func ways(addresses []string) []ma.Multiaddr {
	var all []ma.Multiaddr
	for _, text := range addresses {
		if !isAddress(text) {
			continue
		}
		for _, over := range []func(string) (ma.Multiaddr, error){overTCP, overQUIC} {
			if address, err := over(text); err == nil {
				all = append(all, address)
			}
		}
	}
	return all
}

// hostPort is the inverse of overTCP; "" for what has another form.
func hostPort(address ma.Multiaddr) string {
	if len(address) != 2 || !isDialable(address) {
		return ""
	}
	return net.JoinHostPort(address[0].Value(), address[1].Value())
}

// listening returns where this machine can be reached from others: without the loopback and addresses of one link, unless there is nothing else.
func (l *lines) listening() []ma.Multiaddr {
	all, err := l.InterfaceListenAddresses()
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
