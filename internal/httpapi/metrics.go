package httpapi

import (
	"errors"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"shoal/internal/library"
	"shoal/internal/swarm"
)

// kind is what the bytes are that leave the origin.
type kind string

const (
	kindSegment     kind = "segment"
	kindChunk       kind = "chunk"
	kindProgressive kind = "progressive"
	// kindPage is everything else that a viewer's page loads: files of the client, playlists, posters.
	kindPage kind = "page"
)

// metrics are the numbers at /metrics.
type metrics struct {
	origin map[kind]prometheus.Counter
	page   http.Handler
}

func newMetrics(cfg Config, rooms *rooms) (*metrics, error) {
	origin := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "shoal_origin_bytes_total", Help: "Bytes that this node sent to viewers, by kind.",
	}, []string{"kind"})
	m := &metrics{
		origin: make(map[kind]prometheus.Counter),
		page:   promhttp.HandlerFor(cfg.Registry, promhttp.HandlerOpts{Registry: cfg.Registry}),
	}
	for _, k := range []kind{kindSegment, kindChunk, kindProgressive, kindPage} {
		m.origin[k] = origin.WithLabelValues(string(k))
	}
	for _, collector := range append(append(measured(cfg), ofRooms(rooms)...), origin) {
		if err := cfg.Registry.Register(collector); err != nil {
			return nil, err
		}
	}
	return m, registerProcess(cfg.Registry)
}

// registerProcess adds the numbers of the Go runtime and the process, unless they are there already.
func registerProcess(registry *prometheus.Registry) error {
	for _, collector := range []prometheus.Collector{
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	} {
		if err := registry.Register(collector); err != nil && !errors.As(err, new(prometheus.AlreadyRegisteredError)) {
			return err
		}
	}
	return nil
}

// measured returns the metrics whose numbers other parts keep.
func measured(cfg Config) []prometheus.Collector {
	state := func(s library.State) func() float64 {
		return func() float64 { return float64(cfg.Library.Totals().States[s]) }
	}
	clustered := func(of func(ClusterCounts) int64) func() float64 {
		return func() float64 { return float64(of(cfg.Cluster.Counts())) }
	}
	all := []prometheus.Collector{
		gauge("shoal_chunks_under_copied", "Chunks with fewer copies than wanted.", "", "", func() float64 { return float64(cfg.Cluster.Repair().UnderCopied) }),
		gauge("shoal_ingest_jobs", ingestHelp, "state", "receiving", state(library.Receiving)),
		gauge("shoal_ingest_jobs", ingestHelp, "state", "processing", state(library.Processing)),
		counter("shoal_verify_failures_total", verifyHelp, "where", "disk", func() float64 { return float64(cfg.Disk.Usage().Corrupt) }),
		counter("shoal_verify_failures_total", verifyHelp, "where", "node", clustered(func(c ClusterCounts) int64 { return c.NodeFailures })),
		counter("shoal_chunk_reads_total", readsHelp, "from", "disk", func() float64 { return float64(cfg.Disk.Usage().Reads) }),
		counter("shoal_chunk_reads_total", readsHelp, "from", "node", clustered(func(c ClusterCounts) int64 { return c.NodeReads })),
		counter("shoal_repair_bytes_total", "Bytes copied to this node to bring chunks back to their number of copies.", "", "",
			clustered(func(c ClusterCounts) int64 { return c.RepairBytes })),
	}
	for _, s := range []NodeState{NodeAlive, NodeSuspect, NodeDead, NodeDraining, NodeRemoved} {
		all = append(all, gauge("shoal_members", "Nodes of the cluster, by state.", "state", string(s), func() float64 { return float64(inState(cfg.Cluster.Members(), s)) }))
	}
	return all
}

func inState(members []Member, s NodeState) (n int) {
	for _, m := range members {
		if m.State == s {
			n++
		}
	}
	return n
}

// ofRooms returns the metrics of the viewers.
func ofRooms(rooms *rooms) []prometheus.Collector {
	count := func(name, help, label, value string, of func(swarm.Counts) int64) prometheus.Collector {
		return counter(name, help, label, value, func() float64 { return float64(of(rooms.counts())) })
	}
	return []prometheus.Collector{
		gauge("shoal_viewers", "Viewers in the rooms of this node.", "", "", func() float64 { return float64(rooms.viewers()) }),
		count("shoal_verify_failures_total", verifyHelp, "where", "peer", func(c swarm.Counts) int64 { return c.Reports }),
		count("shoal_peer_bytes_total", "Bytes that viewers got from each other, as they report.", "", "", func(c swarm.Counts) int64 { return c.PeerBytes }),
		count("shoal_leases_total", leasesHelp, "result", "granted", func(c swarm.Counts) int64 { return c.Granted }),
		count("shoal_leases_total", leasesHelp, "result", "held", func(c swarm.Counts) int64 { return c.Held }),
		count("shoal_leases_total", leasesHelp, "result", "ready", func(c swarm.Counts) int64 { return c.Ready }),
		count("shoal_leases_total", leasesHelp, "result", "urgent", func(c swarm.Counts) int64 { return c.Urgent }),
		count("shoal_leases_total", leasesHelp, "result", "expired", func(c swarm.Counts) int64 { return c.Expired }),
	}
}

const (
	leasesHelp = "Chunks that viewers asked leave for, by what they were told (granted, held, ready); those fetched without (urgent); leases that ran out (expired)."
	ingestHelp = "Videos that arrive or are prepared."
	verifyHelp = "Chunks whose bytes did not match their hash, by where they came from."
	readsHelp  = "Chunks read, by where they came from."
)

func gauge(name, help, label, value string, f func() float64) prometheus.Collector {
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help, ConstLabels: labels(label, value)}, f)
}

func counter(name, help, label, value string, f func() float64) prometheus.Collector {
	return prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help, ConstLabels: labels(label, value)}, f)
}

func labels(label, value string) prometheus.Labels {
	if label == "" {
		return nil
	}
	return prometheus.Labels{label: value}
}

func (h *Handler) getMetrics(w *response, r *http.Request) error {
	w.Header().Set("Cache-Control", "no-store")
	h.metrics.page.ServeHTTP(w, r)
	return nil
}
