package cluster

import (
	"net/netip"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/control"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	rcmgr "github.com/libp2p/go-libp2p/p2p/host/resource-manager"
	"github.com/libp2p/go-libp2p/x/rate"
	ma "github.com/multiformats/go-multiaddr"
	manet "github.com/multiformats/go-multiaddr/net"

	"shoal/internal/placement"
)

const (
	// maxStrangers and maxStrangersHere bound those connections, in all and from one address.
	maxStrangers     = 32
	maxStrangersHere = 8
	// Whole clusters may stand behind one address.
	maxConnsHere    = placement.MaxNodes + maxStrangersHere
	connsHereBurst  = 128
	connsHereSecond = 8
	// maxJoins and maxJoinsHere bound those who say that they want to join, at once, in all and from one address.
	maxJoins     = 8
	maxJoinsHere = 2
	// joinsHereBurst and joinsHereSecond bound attempts to join, from one address.
	joinsHereBurst  = 10
	joinsHereSecond = 0.2
	// siteBits is the part of an IPv6 address that names one network (RFC 6177).
	siteBits = 64
)

// Limits of libp2p's resource manager. Memory is what streams might hold at most while their readers do not read.
var (
	systemLimits    = rcmgr.BaseLimit{Conns: 2048, ConnsInbound: 1024, ConnsOutbound: 1024, FD: 2048, Streams: 1 << 16, StreamsInbound: 1 << 15, StreamsOutbound: 1 << 15, Memory: 2 << 30}
	transientLimits = rcmgr.BaseLimit{Conns: 384, ConnsInbound: 128, ConnsOutbound: 256, FD: 384, Streams: 8192, StreamsInbound: 4096, StreamsOutbound: 4096, Memory: 1 << 30}
	memberLimits    = rcmgr.BaseLimit{Conns: 16, ConnsInbound: 8, ConnsOutbound: 8, FD: 16, Streams: 4096, StreamsInbound: 2048, StreamsOutbound: 2048, Memory: 1 << 30}
	strangerLimits  = rcmgr.BaseLimit{Conns: 4, ConnsInbound: 2, ConnsOutbound: 2, FD: 4, Streams: 8, StreamsInbound: 3, StreamsOutbound: 4, Memory: 16 << 20}
)

// door decides whose connections are let in, and sends strangers away who stay for long.
type door struct {
	isMember func(peer.ID) bool
	// patience is how long a connection lasts whose other end does not become a member.
	patience time.Duration
	joins    *rate.Limiter

	mu sync.Mutex
	// strangers are the connections of those who are no members, each with the timer that ends it.
	strangers map[network.Conn]*time.Timer // guarded by mu
	// expected are those that this node wants to join with.
	expected map[peer.ID]int // guarded by mu
	// joining are those who say that they want to join, by address.
	joining map[netip.Prefix]int // guarded by mu
}

func newDoor(isMember func(peer.ID) bool, patience time.Duration) *door {
	return &door{
		isMember: isMember, patience: patience, joins: perSite(joinsHereSecond, joinsHereBurst), expected: make(map[peer.ID]int),
		strangers: make(map[network.Conn]*time.Timer), joining: make(map[netip.Prefix]int),
	}
}

// join lets somebody say that they want to join, unless many from there do or have.
func (d *door) join(from ma.Multiaddr) (leave func(), err error) {
	site := siteOf(from)
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.joining[site] >= maxJoinsHere || !d.joins.Allow(site.Addr()) {
		return nil, ErrTooOften
	}
	d.joining[site]++
	return func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		if d.joining[site]--; d.joining[site] == 0 {
			delete(d.joining, site)
		}
	}, nil
}

// expect lets a node be dialled that is no member; done ends that.
func (d *door) expect(id peer.ID) (done func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.expected[id]++
	return func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		if d.expected[id]--; d.expected[id] == 0 {
			delete(d.expected, id)
		}
	}
}

func (d *door) expects(id peer.ID) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.expected[id] > 0
}

// InterceptPeerDial implements connmgr.ConnectionGater, as do the next four.
func (d *door) InterceptPeerDial(id peer.ID) bool {
	return d.expects(id) || d.isMember(id)
}

func (d *door) InterceptAddrDial(peer.ID, ma.Multiaddr) bool { return true }

func (d *door) InterceptAccept(network.ConnMultiaddrs) bool { return true }

func (d *door) InterceptSecured(direction network.Direction, id peer.ID, conn network.ConnMultiaddrs) bool {
	return direction == network.DirOutbound || d.isMember(id) || d.hasRoom(conn.RemoteMultiaddr())
}

func (d *door) InterceptUpgraded(network.Conn) (bool, control.DisconnectReason) { return true, 0 }

func (d *door) hasRoom(from ma.Multiaddr) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	here := 0
	for conn := range d.strangers {
		if siteOf(conn.RemoteMultiaddr()) == siteOf(from) {
			here++
		}
	}
	return len(d.strangers) < maxStrangers && here < maxStrangersHere
}

// came is told of each connection. Those of strangers end by themselves.
func (d *door) came(conn network.Conn) {
	if d.isMember(conn.RemotePeer()) {
		return
	}
	// Many may have passed hasRoom together.
	if conn.Stat().Direction == network.DirInbound && !d.hasRoom(conn.RemoteMultiaddr()) {
		_ = conn.CloseWithError(network.ConnRateLimited)
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.strangers[conn] = time.AfterFunc(d.patience, func() {
		if !d.isMember(conn.RemotePeer()) {
			_ = conn.CloseWithError(network.ConnGated)
		}
	})
}

// went is told of each connection that ended, or whose other end has become a member.
func (d *door) went(conn network.Conn) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if timer, there := d.strangers[conn]; there {
		timer.Stop()
		delete(d.strangers, conn)
	}
}

// siteOf is the part of an address that one machine or household has.
func siteOf(address ma.Multiaddr) netip.Prefix {
	ip, err := manet.ToIP(address)
	if err != nil {
		return netip.Prefix{}
	}
	parsed, _ := netip.AddrFromSlice(ip)
	parsed = parsed.Unmap()
	bits := parsed.BitLen()
	if parsed.Is6() {
		bits = siteBits
	}
	site, _ := parsed.Prefix(bits)
	return site
}

// limiter is libp2p's limits, except that members have their own.
type limiter struct {
	rcmgr.Limiter
	door *door
}

func (l limiter) GetPeerLimits(id peer.ID) rcmgr.Limit {
	if l.door.isMember(id) {
		return &memberLimits
	}
	return &strangerLimits
}

func newResources(d *door) (network.ResourceManager, error) {
	limits := rcmgr.PartialLimitConfig{System: systemLimits.ToResourceLimits(), Transient: transientLimits.ToResourceLimits()}
	fixed := rcmgr.NewFixedLimiter(limits.Build(rcmgr.InfiniteLimits))
	one := func(bits int) []rcmgr.ConnLimitPerSubnet {
		return []rcmgr.ConnLimitPerSubnet{{PrefixLength: bits, ConnCount: maxConnsHere}}
	}
	// The loopback has the limits of all, so that they show in a test.
	return rcmgr.NewResourceManager(limiter{fixed, d}, rcmgr.WithMetricsDisabled(),
		rcmgr.WithNetworkPrefixLimit([]rcmgr.NetworkPrefixLimit{}, []rcmgr.NetworkPrefixLimit{}),
		rcmgr.WithLimitPerSubnet(one(32), one(siteBits)),
		rcmgr.WithConnRateLimiters(perSite(connsHereSecond, connsHereBurst)))
}

// lift gives a peer the limits that it has by now.
func lift(resources network.ResourceManager, id peer.ID, d *door) {
	_ = resources.ViewPeer(id, func(scope network.PeerScope) error {
		if s, ok := scope.(rcmgr.ResourceScopeLimiter); ok {
			s.SetLimit(limiter{door: d}.GetPeerLimits(id))
		}
		return nil
	})
}

func perSite(second float64, burst int) *rate.Limiter {
	limit := rate.Limit{RPS: second, Burst: burst}
	return &rate.Limiter{SubnetRateLimiter: rate.SubnetLimiter{
		IPv4SubnetLimits: []rate.SubnetLimit{{PrefixLength: 32, Limit: limit}},
		IPv6SubnetLimits: []rate.SubnetLimit{{PrefixLength: siteBits, Limit: limit}},
		GracePeriod:      time.Minute,
	}}
}
