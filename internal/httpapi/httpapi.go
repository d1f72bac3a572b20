// Package httpapi is the node's HTTP edge: routes, rights, limits, the translation of errors into answers,
// and the pages of the web client. It decides nothing about videos: it asks the packages that do.
//
// Every request passes the same gates in the same order: the Host it names, the Origin it comes from, the
// rights of its route, the limits on its body. A route that is missing from the table in routes.go does not
// exist.
package httpapi

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	tusd "github.com/tus/tusd/v2/pkg/handler"

	"shoal/internal/chunk"
	"shoal/internal/ingest"
	"shoal/internal/library"
	"shoal/internal/manifest"
	"shoal/internal/stream"
)

// Library is the catalogue of videos, as library.Library has it.
type Library interface {
	Get(id manifest.VideoID) (library.Video, error)
	List(q library.Query) (library.Page, error)
	Totals() library.Totals
	Manifest(ctx context.Context, id manifest.VideoID) (*manifest.Manifest, error)
	Rename(ctx context.Context, id manifest.VideoID, title string) (library.Video, error)
	Trash(ctx context.Context, id manifest.VideoID) error
	Restore(ctx context.Context, id manifest.VideoID) (library.Video, error)
}

// Importer takes files in, as ingest.Importer does.
type Importer interface {
	Accept(ctx context.Context, up ingest.Upload) (ingest.Accepted, error)
	// Cancel stops the import of a video, if there is one, and returns when nothing of it runs any more.
	Cancel(ctx context.Context, id manifest.VideoID) error
	// Stop ends the work on a video, which can be taken up by Retry while its file is kept: RetryUntil says how long.
	Stop(ctx context.Context, id manifest.VideoID) error
	Retry(ctx context.Context, id manifest.VideoID) error
	RetryUntil(id manifest.VideoID) (until time.Time, found bool)
	// AddText and RemoveText change the subtitles of a video.
	AddText(ctx context.Context, id manifest.VideoID, s ingest.Sidecar) (ingest.AddedText, error)
	RemoveText(ctx context.Context, id manifest.VideoID, rendition string) error
	// Begin, Arriving, Append, Finish and Abandon take a file in in pieces.
	Begin(ctx context.Context, up ingest.Upload) (ingest.Arrival, error)
	Arriving(ctx context.Context, id manifest.VideoID) (ingest.Arrival, error)
	Append(ctx context.Context, id manifest.VideoID, offset int64, body io.Reader) (int64, error)
	Finish(ctx context.Context, id manifest.VideoID) (ingest.Accepted, error)
	Abandon(ctx context.Context, id manifest.VideoID) error
}

// Streams opens what a player asks for, as stream.Streams does. The caller closes a Content.
type Streams interface {
	Master(ctx context.Context, id manifest.VideoID) ([]byte, error)
	Media(ctx context.Context, id manifest.VideoID, rendition string) ([]byte, error)
	First(ctx context.Context, id manifest.VideoID) ([]*manifest.Rendition, error)
	Blob(ctx context.Context, id manifest.VideoID, rendition string, hash chunk.Ref) (*stream.Content, error)
	Chunk(ctx context.Context, id manifest.VideoID, ref chunk.Ref) (*stream.Content, error)
	Picture(ctx context.Context, id manifest.VideoID, hash chunk.Ref) (*stream.Content, error)
	Storyboard(ctx context.Context, id manifest.VideoID) ([]byte, error)
	Movie(ctx context.Context, id manifest.VideoID, language string) (*stream.Content, error)
	Chunks(ctx context.Context, id manifest.VideoID, rendition string, window int) (stream.ChunkList, error)
}

// Disk tells how full the node is.
type Disk interface {
	// Room returns how many bytes may still be stored; 0 or less when uploads are to be refused.
	Room() int64
	// Usage is cheap: it walks over nothing.
	Usage() Usage
}

// Usage is the state of a node's disk: the bytes that the store may take in all, that it takes, and that are
// free.
type Usage struct {
	Capacity, Used, Free int64
	// Chunks is the number of chunks in the store.
	Chunks int64
	// Reads counts the chunks read since the start, Corrupt those whose bytes did not match their hash.
	Reads, Corrupt int64
}

// Node says who this node is. URL is where others reach it, "" when unknown.
type Node struct {
	ID, Name, Zone, URL, Version string
}

// Warning is something that an operator should look at, in words for a person.
type Warning struct {
	// Code is stable, lower case with underscores.
	Code    string `json:"code"`
	Message string `json:"message"`
}

// Config says what a Handler works with. Library, Importer, Streams, Disk, Upkeep, Pages, Node.ID, AdminToken and
// Registry are needed; the rest has defaults.
type Config struct {
	Library  Library
	Importer Importer
	Streams  Streams
	Disk     Disk
	Upkeep   Upkeep
	// Pages are the client's files: index.html and assets/.
	Pages fs.FS
	Node  Node
	// Cluster is the nodes that this one keeps the library with; nil for a node that stands alone.
	Cluster Cluster
	// Copies is how many copies of a chunk a node without a cluster wants; 0 for 2.
	Copies int
	// AdminToken is the secret that allows everything; at least 32 characters.
	AdminToken string
	// AllowHosts are names under which the node may be addressed, beside those of a local network.
	AllowHosts []string
	// PublicURL is the address under which people reach the node, such as https://films.example.org, or "".
	PublicURL string
	// TrustedProxies are the networks, in CIDR form, whose X-Forwarded headers are believed.
	TrustedProxies []string
	// MaxUpload is the largest file in bytes, 0 for no limit.
	MaxUpload int64
	// MaxConns is how many connections are served at once, viewers in rooms aside; 0 for 10,000.
	MaxConns int
	// MaxViewers is how many viewers may be in rooms; 0 for 10,000.
	MaxViewers int
	// TLS makes Serve speak https; nil for http.
	TLS *tls.Config
	// Ready tells why the node cannot serve yet; nil for always ready.
	Ready func() error
	// Warnings lists what the status page shows; nil for nothing.
	Warnings func() []Warning
	// Watched tells how the watching of a folder is, nil when none is watched; nil for never.
	Watched func() *Watched
	// Registry takes this package's metrics and is shown at /metrics.
	Registry *prometheus.Registry
	// Log is told of what fails inside; nil for nowhere.
	Log *slog.Logger
	// Now is the clock of sessions and links, time.Now when nil.
	Now func() time.Time
}

// Handler answers the node's HTTP requests. It may be used by many goroutines at once.
type Handler struct {
	cfg     Config
	log     *slog.Logger
	mux     *http.ServeMux
	hosts   *hosts
	proxies proxies
	access  *access
	metrics *metrics
	rooms   *rooms
	copies  *copies
	events  *events
	pages   *pages
	uploads slots
	tus     *tusd.UnroutedHandler
}

// New returns a Handler, or says what is wrong with the configuration. It starts nothing.
func New(cfg Config) (*Handler, error) {
	if err := cfg.check(); err != nil {
		return nil, fmt.Errorf("set up http: %w", err)
	}
	h, err := build(cfg.withDefaults())
	if err != nil {
		return nil, fmt.Errorf("set up http: %w", err)
	}
	return h, nil
}

func build(cfg Config) (*Handler, error) {
	h := &Handler{cfg: cfg, log: cfg.Log, mux: http.NewServeMux(), uploads: make(slots, maxUploads), copies: newCopies(cfg), events: newEvents()}
	var err error
	if h.hosts, err = newHosts(cfg.AllowHosts, cfg.PublicURL); err != nil {
		return nil, err
	}
	if h.proxies, err = parseProxies(cfg.TrustedProxies); err != nil {
		return nil, err
	}
	if h.access, err = newAccess(cfg.AdminToken, cfg.Node.ID, cfg.Now); err != nil {
		return nil, err
	}
	key, err := ticketKey(cfg.AdminToken, cfg.Node.ID)
	if err != nil {
		return nil, err
	}
	h.rooms = newRooms(key, cfg.MaxViewers)
	if h.metrics, err = newMetrics(cfg, h.rooms); err != nil {
		return nil, err
	}
	if h.pages, err = newPages(cfg.Pages); err != nil {
		return nil, err
	}
	if h.tus, err = newTus(cfg); err != nil {
		return nil, err
	}
	for _, rt := range h.routes() {
		h.mux.Handle(rt.method+" "+rt.path, h.gate(rt))
	}
	return h, nil
}

func (c *Config) check() error {
	switch {
	case c.Library == nil, c.Importer == nil, c.Streams == nil, c.Disk == nil, c.Upkeep == nil, c.Pages == nil, c.Registry == nil:
		return errors.New("a part is missing")
	case c.Node.ID == "":
		return errors.New("the node has no id")
	case len(c.AdminToken) < minToken:
		return fmt.Errorf("the admin token has %d characters, at least %d are needed", len(c.AdminToken), minToken)
	case c.Copies < 0, c.MaxUpload < 0, c.MaxConns < 0, c.MaxViewers < 0:
		return errors.New("a limit is negative")
	}
	return nil
}

func (c Config) withDefaults() Config {
	if c.Copies == 0 {
		c.Copies = 2
	}
	if c.Cluster == nil {
		c.Cluster = solo{c}
	}
	if c.MaxConns == 0 {
		c.MaxConns = 10_000
	}
	if c.MaxViewers == 0 {
		c.MaxViewers = 10_000
	}
	if c.Ready == nil {
		c.Ready = func() error { return nil }
	}
	if c.Warnings == nil {
		c.Warnings = func() []Warning { return nil }
	}
	if c.Watched == nil {
		c.Watched = func() *Watched { return nil }
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return c
}
