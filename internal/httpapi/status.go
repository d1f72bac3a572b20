package httpapi

import (
	"net/http"
	"time"

	"shoal/internal/library"
)

type jsonStatus struct {
	Node     jsonNode     `json:"node"`
	Cluster  jsonCluster  `json:"cluster"`
	Library  jsonLibrary  `json:"library"`
	Repair   jsonRepair   `json:"repair"`
	Viewers  []jsonViewer `json:"viewers"`
	Ingest   []jsonIngest `json:"ingest"`
	Warnings []Warning    `json:"warnings"`
}

// jsonCluster describes the nodes together; ID is "" for a node that can be in no cluster.
type jsonCluster struct {
	ID     string `json:"id"`
	Nodes  int    `json:"nodes"`
	Alive  int    `json:"alive"`
	Copies int    `json:"copies"`
}

type jsonLibrary struct {
	Videos int   `json:"videos"`
	Bytes  int64 `json:"bytes"`
}

// jsonViewer is a viewer as others may see it: nothing tells where it is.
type jsonViewer struct {
	ID            string          `json:"id"`
	Name          string          `json:"name"`
	Video         string          `json:"video"`
	Node          string          `json:"node"`
	BufferSeconds float64         `json:"buffer_seconds"`
	Peers         int             `json:"peers"`
	Bytes         jsonViewerBytes `json:"bytes"`
}

// jsonViewerBytes is where a viewer's bytes came from, and what it gave, as it says.
type jsonViewerBytes struct {
	Origin   int64 `json:"origin"`
	Peers    int64 `json:"peers"`
	Uploaded int64 `json:"uploaded"`
}

// maxListedViewers bounds the answer; the metric shoal_viewers counts all.
const maxListedViewers = 1000

func (h *Handler) viewers() []jsonViewer {
	all := []jsonViewer{}
	for _, v := range h.rooms.status(maxListedViewers) {
		all = append(all, jsonViewer{
			ID: string(v.ID), Name: v.Name, Video: v.Video, Node: h.cfg.Node.ID, BufferSeconds: v.Buffer, Peers: v.Peers,
			Bytes: jsonViewerBytes{v.Bytes.Origin, v.Bytes.Peers, v.Bytes.Uploaded},
		})
	}
	return all
}

type jsonIngest struct {
	ID       string  `json:"id"`
	Stage    string  `json:"stage"`
	Progress float64 `json:"progress"`
}

func (h *Handler) getStatus(w *response, r *http.Request) error {
	totals := h.cfg.Library.Totals()
	ingest, err := h.inWork()
	if err != nil {
		return err
	}
	return h.answer(w, http.StatusOK, jsonStatus{
		Node:     h.self(r),
		Cluster:  h.cluster(),
		Library:  jsonLibrary{Videos: totals.Videos, Bytes: totals.Bytes},
		Repair:   toJSONRepair(h.cfg.Cluster.Repair()),
		Viewers:  h.viewers(),
		Ingest:   ingest,
		Warnings: h.warnings(totals),
	})
}

func (h *Handler) cluster() jsonCluster {
	out := jsonCluster{ID: h.cfg.Cluster.ID(), Copies: h.cfg.Cluster.Copies()}
	for _, m := range h.cfg.Cluster.Members() {
		if m.State != NodeRemoved {
			out.Nodes++
		}
		if answers(m) {
			out.Alive++
		}
	}
	return out
}

// answers tells whether a node can be asked for what it keeps. One that is only suspect may well be.
func answers(m Member) bool {
	return m.State == NodeAlive || m.State == NodeDraining || m.State == NodeSuspect
}

// inWork lists the videos that arrive or are prepared.
func (h *Handler) inWork() ([]jsonIngest, error) {
	jobs := []jsonIngest{}
	videos, err := h.videosIn(library.MaxLimit, library.Processing, library.Receiving)
	for _, v := range videos {
		jobs = append(jobs, jsonIngest{ID: string(v.ID), Stage: v.Stage, Progress: v.Progress})
	}
	return jobs, err
}

func (h *Handler) warnings(totals library.Totals) []Warning {
	warnings := append([]Warning{}, h.cfg.Warnings()...)
	if h.cfg.Disk.Room() <= 0 {
		warnings = append(warnings, Warning{
			Code:    "disk_full",
			Message: "The disk is full: files are refused until there is room. Delete videos for good, or add a disk.",
		})
	}
	if totals.Unreadable > 0 {
		warnings = append(warnings, Warning{
			Code:    "unreadable_records",
			Message: "Some videos are not listed because their records are damaged. The log names them; a backup brings them back.",
		})
	}
	return append(warnings, h.clusterWarnings()...)
}

// getHealth tells that the process answers.
func (h *Handler) getHealth(w *response, _ *http.Request) error {
	return plain(w, "ok\n")
}

// getReady tells whether the node can do its work.
func (h *Handler) getReady(w *response, _ *http.Request) error {
	if err := h.cfg.Ready(); err != nil {
		p := later(5*time.Second, http.StatusServiceUnavailable, "not_ready", "The node is not ready yet. Try again in a moment; its log says what it waits for.")
		p.cause, p.operator = err, true
		return p
	}
	return plain(w, "ready\n")
}

func plain(w *response, text string) error {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = w.Write([]byte(text)) // who has gone away is noticed by the server
	return nil
}
