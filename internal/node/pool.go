package node

import (
	"context"
	"net"
	"net/netip"
	"strings"
	"time"

	"shoal/internal/chunk"
	"shoal/internal/drafts"
	"shoal/internal/library"
	"shoal/internal/manifest"
	"shoal/internal/placement"
	"shoal/internal/pool"
)

// ErrP2P says that Config.P2P could not be listened on. The system's reason is wrapped beside it.
var ErrP2P = pool.ErrListen

// JoinError says why a node could not become a member by Config.Join.
type JoinError = pool.JoinError

// settling is how long a record may take to get here, and by how much clocks may differ besides.
const settling = 10 * time.Minute

// draftStreams is how many questions about its videos one node may ask this one at once.
const draftStreams = 16

func (n *Node) openPool(ctx context.Context) (err error) {
	cfg := n.cfg
	listen, quiet := cfg.P2P, cfg.NoMDNS
	if listen == "" {
		listen, quiet = "127.0.0.1:0", true
	}
	n.pool, err = pool.Open(ctx, pool.Config{
		Dir: cfg.Data, Records: n.disk.Records(), Disk: n.disk.Chunks(), Usage: n.usage, Listen: listen, Temp: n.disk.Chunks().Temp(), Advertise: cfg.Advertise, NoMDNS: quiet,
		Join: cfg.Join, Name: cfg.Name, Zone: cfg.Zone, Version: cfg.Version, URL: n.url, Copies: cfg.Copies,
		RepairAfter: cfg.RepairAfter, RepairRate: cfg.RepairRate, CacheBytes: cfg.CacheBytes, Wanted: n.wanted, Log: cfg.Log,
	})
	return err
}

// url is where browsers reach this node, as far as it can tell: by its public address, or at the address that other nodes reach it at.
func (n *Node) url() string {
	if n.cfg.PublicURL != "" || n.listener == nil {
		return strings.TrimSuffix(n.cfg.PublicURL, "/")
	}
	host, port, err := net.SplitHostPort(n.Addr().String())
	if ip, _ := netip.ParseAddr(host); err == nil && ip.IsUnspecified() {
		host = ""
		if at := n.pool.Host().Addresses(); len(at) > 0 {
			host, _, err = net.SplitHostPort(at[0])
		}
	}
	if err != nil || host == "" {
		return ""
	}
	return n.scheme() + net.JoinHostPort(host, port)
}

// usage is what the other nodes are told of the disk.
func (n *Node) usage() pool.Usage {
	u := space{n.disk, n.cfg.Capacity}.Usage()
	return pool.Usage{Capacity: u.Capacity, Used: u.Used, Free: max(0, n.disk.Room())}
}

// wanted is asked by repair, which does nothing before the node runs.
func (n *Node) wanted(ctx context.Context, visit func(chunk.Ref)) (young time.Time, err error) {
	// An import elsewhere may have put chunks a while before this node hears of it.
	if since, found := n.library.OldestImport(); found {
		young = since.Add(-settling)
	}
	return young, n.upkeep.Needed(ctx, visit)
}

func (n *Node) openLibrary(ctx context.Context) (err error) {
	host := n.pool.Host()
	n.library, err = library.Open(ctx, n.pool.Records(), n.pool.Store(), library.Options{
		Self: string(n.pool.ID()), Local: n.disk.Records(), Remote: drafts.NewClient(host.Dial),
		Alive: func(node string) bool { return n.pool.Alive(placement.NodeID(node)) },
		Gone:  n.importGone, Log: n.cfg.Log,
	})
	if err != nil {
		return err
	}
	n.pool.OnChange(n.library.Changed)
	host.Handle(drafts.Protocol, draftStreams, drafts.NewServer(n.library, n.cfg.Log).Serve)
	return nil
}

// importGone stops the import of a video that is no more.
func (n *Node) importGone(ctx context.Context, id, same manifest.VideoID) error {
	if same == "" {
		return n.importer.Cancel(ctx, id)
	}
	return n.importer.Fold(ctx, id, same)
}
