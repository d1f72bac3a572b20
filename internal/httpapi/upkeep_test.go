package httpapi_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"shoal/internal/chunk"
	"shoal/internal/httpapi"
	"shoal/internal/library"
	"shoal/internal/manifest"
	"shoal/internal/upkeep"
)

// keeper purges from the library and counts the rest.
type keeper struct {
	library *library.Library

	mu     sync.Mutex
	purged []manifest.VideoID // guarded by mu
	scrub  upkeep.Scrub       // guarded by mu
	full   bool               // guarded by mu; whether there is no room for a backup
	open   int                // guarded by mu; the backups that are not closed
}

func (k *keeper) Purge(ctx context.Context, id manifest.VideoID) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.purged = append(k.purged, id)
	return k.library.Purge(ctx, id)
}

func (k *keeper) Scrub() upkeep.Scrub {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.scrub.Running = true
	return k.scrub
}

func (k *keeper) Scrubbing() upkeep.Scrub {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.scrub
}

func (k *keeper) Backup(context.Context) (httpapi.Backup, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.full {
		return nil, chunk.ErrFull
	}
	k.open++
	return &savedRecords{strings.NewReader("all records"), k}, nil
}

type savedRecords struct {
	*strings.Reader
	k *keeper
}

func (b *savedRecords) Close() error {
	b.k.mu.Lock()
	defer b.k.mu.Unlock()
	b.k.open--
	return nil
}

func TestPurgingIsLeftToTheUpkeep(t *testing.T) {
	h := newHouse(t)
	path := "/api/v1/videos/" + string(h.film.id)
	want(t, h.adminAsks("DELETE", path, ""), http.StatusNoContent)
	if len(h.upkeep.purged) > 0 {
		t.Errorf("the trash purged %v", h.upkeep.purged)
	}
	list := decode[struct{ Videos []video }](t, h.asks("GET", "/api/v1/videos?state=trashed", "").Body)
	if len(list.Videos) != 1 || list.Videos[0].State != "trashed" {
		t.Errorf("the trash has %+v", list.Videos)
	}
	want(t, h.adminAsks("POST", path+"/restore", ""), http.StatusOK)
	want(t, h.adminAsks("DELETE", path+"?purge=true", ""), http.StatusNoContent)
	if len(h.upkeep.purged) != 1 || h.upkeep.purged[0] != h.film.id {
		t.Errorf("purged %v", h.upkeep.purged)
	}
	want(t, h.adminAsks("POST", path+"/restore", ""), http.StatusNotFound)
}

func TestScrubIsStartedAndTellsHowFarItIs(t *testing.T) {
	h := newHouse(t)
	begun := time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC)
	h.upkeep.scrub = upkeep.Scrub{Checked: 3, CheckedBytes: 300, Chunks: 5, Bytes: 500, Damaged: 1, Unreadable: 2, Begun: begun}
	type scrub struct {
		State         string
		CheckedChunks int        `json:"checked_chunks"`
		DamagedChunks int        `json:"damaged_chunks"`
		Begun, Next   *time.Time `json:",omitempty"`
	}
	if s := decode[scrub](t, h.asks("GET", "/api/v1/scrub", "").Body); s.State != "idle" || s.CheckedChunks != 3 || s.Next != nil || !s.Begun.Equal(begun) {
		t.Errorf("%+v", s)
	}
	w := h.adminAsks("POST", "/api/v1/scrub", "")
	want(t, w, http.StatusAccepted)
	if s := decode[scrub](t, w.Body); s.State != "running" || s.DamagedChunks != 1 {
		t.Errorf("%+v", s)
	}
}

func TestBackupIsOneFileForTheAdmin(t *testing.T) {
	h := newHouse(t)
	want(t, h.asks("GET", "/api/v1/backup", ""), http.StatusUnauthorized)
	w := h.adminAsks("GET", "/api/v1/backup", "")
	want(t, w, http.StatusOK)
	body, _ := io.ReadAll(w.Body)
	if string(body) != "all records" || w.Header().Get("Content-Length") != "11" || w.Header().Get("Cache-Control") != "no-store" ||
		w.Header().Get("Content-Disposition") != "attachment; filename=shoal-2026-03-01.backup" {
		t.Errorf("%q with %v", body, w.Header())
	}
	w = h.adminAsks("HEAD", "/api/v1/backup", "")
	if want(t, w, http.StatusOK); w.Body.Len() > 0 || w.Header().Get("Content-Length") != "11" {
		t.Errorf("HEAD: %q with %v", w.Body, w.Header())
	}
	if h.upkeep.open != 0 {
		t.Errorf("%d backups were not closed", h.upkeep.open)
	}
	h.upkeep.full = true
	want(t, h.adminAsks("GET", "/api/v1/backup", ""), http.StatusInsufficientStorage)
}

var errBroken = errors.New("broken")

func TestBackupThatBreaksOffIsNotTakenForAWholeOne(t *testing.T) {
	h := newHouse(t, func(cfg *httpapi.Config) { cfg.Upkeep = breaking{cfg.Upkeep} })
	defer func() {
		if p := recover(); p != http.ErrAbortHandler {
			t.Errorf("the answer ended with %v, want it cut off", p)
		}
	}()
	h.adminAsks("GET", "/api/v1/backup", "")
}

// breaking makes backups that cannot be read to their end.
type breaking struct{ httpapi.Upkeep }

func (b breaking) Backup(context.Context) (httpapi.Backup, error) { return brokenBackup{}, nil }

type brokenBackup struct{}

func (brokenBackup) Read(p []byte) (int, error) { return copy(p, "half"), errBroken }
func (brokenBackup) Close() error               { return nil }
func (brokenBackup) Size() int64                { return 8 }
