// Package node puts a node together: it opens each part, wires it to the ones it needs, runs them all and
// stops them in order. It is the only package that knows every other.
package node

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"shoal/internal/disk"
	"shoal/internal/httpapi"
	"shoal/internal/ingest"
	"shoal/internal/library"
	"shoal/internal/pool"
	"shoal/internal/stream"
	"shoal/internal/upkeep"
	"shoal/internal/watch"
	"shoal/web"
)

// Config says what a node is to be. Data and HTTP are needed.
type Config struct {
	// Data is the directory that everything lies in; it is made when missing.
	Data string
	// HTTP is the address to listen on, such as :3003; port 0 takes a free one.
	HTTP string
	// Name is what people call the node; the host's name when empty.
	Name string
	// AllowHosts are more names that browsers may use for the node, PublicURL the one behind a proxy.
	AllowHosts []string
	PublicURL  string
	// TrustedProxies may say for whom they ask.
	TrustedProxies []netip.Prefix
	// TLSCert and TLSKey are files; both or none.
	TLSCert, TLSKey string
	// P2P is the address to listen on for other nodes, such as :9004; port 0 takes a free one. Without one the node stays alone.
	P2P string
	// Join is an invite of another node; "" to stay in the cluster that the node is in, by itself at first.
	Join string
	// Advertise are more addresses, HOST:PORT, at which other nodes reach this one.
	Advertise []string
	// NoMDNS keeps the node from telling others near by that it is there, and from looking for them.
	NoMDNS bool
	// Zone is where the machine stands: copies go to different zones while there are enough. "" for one of its own.
	Zone string
	// RepairAfter is how long a node may be away before others copy what it holds; 0 for 10 minutes.
	RepairAfter time.Duration
	// Copies is how many nodes of the cluster are to hold each chunk, 1 to 16; 0 leaves it as it is, 2 at first.
	Copies int
	// RepairRate is how many bytes a second this node copies to repair; 0 for 20 MB.
	RepairRate int64
	// CacheBytes bounds the chunks of other nodes that are kept in memory; 0 for 64 MiB, less for none.
	CacheBytes int64
	// Capacity is how many bytes of chunks to hold at most; 0 for no limit but the disk's.
	Capacity int64
	// TrashFor is how long videos stay in the trash; 0 for 7 days.
	TrashFor time.Duration
	// ScrubRate is how many bytes a second are read to check what is stored; 0 for 10 MB.
	ScrubRate int64
	// Watch is a folder whose films are added, an absolute path; "" for none.
	Watch string
	// MaxUpload is the largest file that is taken in bytes, 0 for no limit.
	MaxUpload int64
	// FFmpeg and FFprobe are programs; empty means those in PATH.
	FFmpeg, FFprobe string
	Version         string
	// Log is told what an operator should know; nil means nothing.
	Log *slog.Logger
}

// Node is an open node. Its methods may be called from many goroutines at once.
type Node struct {
	cfg      Config
	disk     *disk.Disk
	pool     *pool.Pool
	library  *library.Library
	importer *ingest.Importer
	upkeep   *upkeep.Keeper
	watcher  *watch.Watcher // nil when no folder is watched
	http     *httpapi.Handler
	listener net.Listener
}

// Open makes a node ready and begins to listen; nothing is answered until Run. Close it in any case.
func Open(ctx context.Context, cfg Config) (*Node, error) {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Name == "" {
		cfg.Name, _ = os.Hostname()
	}
	n := &Node{cfg: cfg}
	if err := n.open(ctx); err != nil {
		return nil, errors.Join(err, n.Close())
	}
	return n, nil
}

// open goes from the disk upwards; the port comes last, so that who can connect finds a whole node.
func (n *Node) open(ctx context.Context) (err error) {
	cfg := n.cfg
	if n.disk, err = disk.Open(cfg.Data, disk.Options{Capacity: cfg.Capacity, Log: cfg.Log}); err != nil {
		return err
	}
	if err := n.openPool(ctx); err != nil {
		return err
	}
	if err := n.openLibrary(ctx); err != nil {
		return err
	}
	n.importer = ingest.New(ingest.Config{
		Store: n.pool.Store(), Catalog: n.library, Shared: n.pool.Shared, Dir: filepath.Join(cfg.Data, "jobs"), Room: n.disk.Room,
		FFmpeg: cfg.FFmpeg, FFprobe: cfg.FFprobe, MaxUpload: cfg.MaxUpload, Log: cfg.Log,
	})
	if err := n.importer.Recover(ctx); err != nil {
		return err
	}
	n.upkeep = n.openUpkeep()
	if cfg.Watch != "" {
		adder := watchedLibrary{n.importer, n.library}
		if n.watcher, err = watch.New(ctx, watch.Config{Dir: cfg.Watch, Library: adder, Records: n.disk.Records(), Log: cfg.Log}); err != nil {
			return err
		}
	}
	if n.http, err = n.openHTTP(stream.New(n.pool.Store(), n.library)); err != nil {
		return err
	}
	if n.listener, err = new(net.ListenConfig).Listen(ctx, "tcp", cfg.HTTP); err != nil {
		return fmt.Errorf("listen on %s: %w", cfg.HTTP, err)
	}
	return nil
}

func (n *Node) openHTTP(streams *stream.Streams) (*httpapi.Handler, error) {
	token, err := adminToken(n.cfg.Data)
	if err != nil {
		return nil, err
	}
	certificate, err := n.certificate()
	if err != nil {
		return nil, err
	}
	return httpapi.New(httpapi.Config{
		Library: n.library, Importer: n.importer, Streams: streams, Disk: space{n.disk, n.cfg.Capacity}, Upkeep: caretaker{n.upkeep, n}, Pages: web.Files(),
		Node: httpapi.Node{ID: string(n.pool.ID()), Name: n.cfg.Name, Version: n.cfg.Version}, Cluster: members{n.pool}, AdminToken: token,
		AllowHosts: n.cfg.AllowHosts, PublicURL: n.cfg.PublicURL, TrustedProxies: texts(n.cfg.TrustedProxies),
		MaxUpload: n.cfg.MaxUpload, Watched: n.watched,
		TLS: certificate, Warnings: n.warnings, Registry: prometheus.NewRegistry(), Log: n.cfg.Log,
	})
}

func texts(prefixes []netip.Prefix) (all []string) {
	for _, p := range prefixes {
		all = append(all, p.String())
	}
	return all
}

func (n *Node) certificate() (*tls.Config, error) {
	if n.cfg.TLSCert == "" && n.cfg.TLSKey == "" {
		return nil, nil
	}
	pair, err := tls.LoadX509KeyPair(n.cfg.TLSCert, n.cfg.TLSKey)
	if err != nil {
		return nil, fmt.Errorf("load certificate %s: %w", n.cfg.TLSCert, err)
	}
	return &tls.Config{Certificates: []tls.Certificate{pair}, NextProtos: []string{"h2", "http/1.1"}, MinVersion: tls.VersionTLS12}, nil
}

// Run serves until ctx ends, and returns when nothing of the node runs any more.
func (n *Node) Run(ctx context.Context) error {
	announced, err := announce(n.cfg.Data, n.Addr())
	if err != nil {
		// A full disk is no reason not to play what is on it.
		n.cfg.Log.Warn("commands on this machine need --node to find this node", "err", err)
	}
	defer announced.withdraw()
	// Browsers and the watched folder go first, then the imports that they started, then the upkeep, then the other nodes,
	// and last the disk that all write to.
	parts := []func(context.Context) error{n.disk.Run, n.pool.Run, n.upkeep.Run, n.importer.Run, n.library.Run}
	if n.watcher != nil {
		parts = append(parts, n.watcher.Run)
	}
	return runInOrder(ctx, append(parts, func(ctx context.Context) error { return n.http.Serve(ctx, n.listener) })...)
}

// runInOrder runs all parts until ctx ends or one of them does, and then stops them one after another,
// the last first.
func runInOrder(ctx context.Context, parts ...func(context.Context) error) error {
	if len(parts) == 0 {
		<-ctx.Done()
		return nil
	}
	// The lower part's context outlives ctx: it ends when everything above has ended.
	below, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	group, either := errgroup.WithContext(ctx)
	group.Go(func() error {
		if err := parts[0](below); err != nil {
			return err
		}
		if below.Err() == nil {
			return errors.New("a part of the node ended by itself")
		}
		return nil
	})
	group.Go(func() error {
		defer stop()
		return runInOrder(either, parts[1:]...)
	})
	return group.Wait()
}

// Close gives back the port and the directory. Call it when Run has returned, or instead of Run.
func (n *Node) Close() error {
	var errs []error
	if n.listener != nil {
		if err := n.listener.Close(); !errors.Is(err, net.ErrClosed) {
			errs = append(errs, err)
		}
	}
	if n.pool != nil {
		errs = append(errs, n.pool.Close())
	}
	if n.disk != nil {
		errs = append(errs, n.disk.Close())
	}
	return errors.Join(errs...)
}

// Addr is the address that the node listens on.
func (n *Node) Addr() net.Addr { return n.listener.Addr() }

// AdminLink returns a new link that makes the browser it is opened in an admin's, once.
// It expires after an hour.
func (n *Node) AdminLink() string {
	key, _ := n.http.IssueKey()
	return n.URL() + "/#key=" + key
}

// URL is where a browser on this machine reaches the node, or everyone does when there is a public address.
func (n *Node) URL() string {
	if n.cfg.PublicURL != "" {
		return strings.TrimSuffix(n.cfg.PublicURL, "/")
	}
	return n.scheme() + strings.Replace(local(n.Addr()), "127.0.0.1:", "localhost:", 1)
}

func (n *Node) scheme() string {
	if n.cfg.TLSCert != "" {
		return "https://"
	}
	return "http://"
}
