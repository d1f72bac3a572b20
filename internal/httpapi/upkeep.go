package httpapi

import (
	"context"
	"io"
	"mime"
	"net/http"
	"strconv"
	"time"

	"shoal/internal/manifest"
	"shoal/internal/upkeep"
)

// Upkeep looks after what is stored.
type Upkeep interface {
	// Purge removes a video for good and has its space given back soon.
	Purge(ctx context.Context, id manifest.VideoID) error
	// Scrub has all chunks checked now, unless that is under way; Scrubbing only tells how far it is.
	Scrub() upkeep.Scrub
	Scrubbing() upkeep.Scrub
	// Backup returns all records as they are now; the caller closes it.
	Backup(ctx context.Context) (Backup, error)
}

// Backup is one file with all records; Size is its length in bytes.
type Backup interface {
	io.ReadCloser
	Size() int64
}

// jsonScrub says how far the check of all stored data is, or how the last one ended.
type jsonScrub struct {
	// State is running or idle.
	State            string     `json:"state"`
	CheckedChunks    int64      `json:"checked_chunks"`
	CheckedBytes     int64      `json:"checked_bytes"`
	TotalChunks      int64      `json:"total_chunks"`
	TotalBytes       int64      `json:"total_bytes"`
	DamagedChunks    int64      `json:"damaged_chunks"`
	UnreadableChunks int64      `json:"unreadable_chunks"`
	Begun            *time.Time `json:"begun"`
	Finished         *time.Time `json:"finished"`
	Next             *time.Time `json:"next"`
}

func toJSONScrub(s upkeep.Scrub) jsonScrub {
	out := jsonScrub{
		State: "idle", CheckedChunks: s.Checked, CheckedBytes: s.CheckedBytes, TotalChunks: s.Chunks, TotalBytes: s.Bytes,
		DamagedChunks: s.Damaged, UnreadableChunks: s.Unreadable,
		Begun: known(s.Begun), Finished: known(s.Finished), Next: known(s.Next),
	}
	if s.Running {
		out.State = "running"
	}
	return out
}

// known is t, or nil when it is zero.
func known(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

func (h *Handler) startScrub(w *response, _ *http.Request) error {
	return h.answer(w, http.StatusAccepted, toJSONScrub(h.cfg.Upkeep.Scrub()))
}

func (h *Handler) getScrub(w *response, _ *http.Request) error {
	return h.answer(w, http.StatusOK, toJSONScrub(h.cfg.Upkeep.Scrubbing()))
}

// getBackup sends all records as one file.
func (h *Handler) getBackup(w *response, r *http.Request) error {
	backup, err := h.cfg.Upkeep.Backup(r.Context())
	if err != nil {
		return err
	}
	defer backup.Close()
	name := "shoal-" + h.cfg.Now().UTC().Format("2006-01-02") + ".backup"
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": name}))
	w.Header().Set("Content-Length", strconv.FormatInt(backup.Size(), 10))
	w.Header().Set("Cache-Control", "no-store")
	if r.Method == http.MethodHead {
		w.WriteHeader(http.StatusOK)
		return nil
	}
	_, err = io.Copy(w, backup)
	return err
}
