package system_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"shoal/internal/node"
	"shoal/test/film"
)

// used is how many bytes of chunks the node holds.
func (m *machine) used() int64 {
	m.t.Helper()
	return decode[struct{ Node struct{ Used int64 } }](m.t, m.get("/api/v1/status").body).Node.Used
}

// awaitOnly polls until the node holds no more than what the given videos are made of, and what little older
// manifests of them take.
func (m *machine) awaitOnly(videos ...video) {
	m.t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(m.t.Context()), time.Minute)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		limit := int64(0)
		for _, v := range videos {
			limit += m.held(v) + m.held(v)/20
		}
		used := m.used()
		if used <= limit {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			m.t.Fatalf("%d bytes are used, want %d", used, limit)
		}
	}
}

// warned polls until there is a warning of that code, and returns its words.
func (m *machine) warned(code string) string {
	m.t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(m.t.Context()), time.Minute)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		status := decode[struct {
			Warnings []struct{ Code, Message string }
		}](m.t, m.get("/api/v1/status").body)
		for _, w := range status.Warnings {
			if w.Code == code {
				return w.Message
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			m.t.Fatalf("no warning %s, but %+v", code, status.Warnings)
		}
	}
}

// twins adds two films of the same picture and sound in files that differ, so that they share chunks.
func twins(t *testing.T, m *machine) (first, second video, content []byte) {
	t.Helper()
	content, err := os.ReadFile(film.Make(t, "film.mp4", film.Source(640, 360, 12), film.H264()))
	if err != nil {
		t.Fatal(err)
	}
	add := func(name string) video {
		// A box that every reader skips makes each film another file.
		box := append([]byte("\x00\x00\x00\x10free"), name...)
		a := m.do("POST", "/api/v1/videos?name="+name+".mp4", bytes.NewReader(append(bytes.Clone(content), box...)))
		if a.status != http.StatusCreated {
			t.Fatalf("add %s: %d %s", name, a.status, a.body)
		}
		return m.ended(decode[video](t, a.body).ID)
	}
	first = add("film-one")
	alone := m.used()
	second = add("film-two")
	if first.State != "ready" || second.State != "ready" {
		t.Fatalf("%+v %+v", first, second)
	}
	if both := m.used(); both > alone+alone/2 {
		t.Fatalf("one takes %d bytes and both %d: they share nothing", alone, both)
	}
	return first, second, content
}

func TestPurgeGivesSpaceBackWhileAFilmOfTheSameChunksPlaysOn(t *testing.T) {
	m := boot(t, t.TempDir())
	first, second, _ := twins(t, m)
	other := m.ended(m.add(film.Make(t, "other.mp4", film.Source(320, 180, 6), film.H264())).ID)
	want := m.movie(second.ID, "")

	// Somebody watches the second film all the time.
	ctx, stop := context.WithCancel(t.Context())
	var watching sync.WaitGroup
	watching.Go(func() {
		for ctx.Err() == nil {
			if a, err := m.try("GET", "/stream/"+second.ID+".mp4", nil); err != nil || a.status != http.StatusOK || !bytes.Equal(a.body, want) {
				t.Errorf("while films are purged: %d, %d bytes, %v", a.status, len(a.body), err)
				return
			}
		}
	})
	for _, id := range []string{first.ID, other.ID} {
		if a := m.do("DELETE", "/api/v1/videos/"+id+"?purge=true", nil); a.status != http.StatusNoContent {
			t.Fatalf("purge: %d %s", a.status, a.body)
		}
	}
	m.awaitOnly(second)
	stop()
	watching.Wait()
	checkPlays(t, m, second, 12)
	m.do("DELETE", "/api/v1/videos/"+second.ID+"?purge=true", nil)
	m.awaitOnly()
}

// held is how many bytes a video takes in the store.
func (m *machine) held(v video) int64 {
	m.t.Helper()
	return decode[struct{ Nodes []struct{ Bytes int64 } }](m.t, m.get("/api/v1/videos/"+v.ID+"/holders").body).Nodes[0].Bytes
}

func TestPurgeAndImportOfTheSameBytesAtOnceLoseNothing(t *testing.T) {
	m := boot(t, t.TempDir())
	first, second, content := twins(t, m)
	last := []string{first.ID, second.ID}
	for round := range 3 {
		box := append([]byte("\x00\x00\x00\x10free"), []byte{'r', 'o', 'u', 'n', 'd', '-', '-', byte('0' + round)}...)
		var both sync.WaitGroup
		both.Go(func() {
			for _, id := range last {
				m.do("DELETE", "/api/v1/videos/"+id+"?purge=true", nil)
			}
		})
		a := m.do("POST", "/api/v1/videos?name=again.mp4", bytes.NewReader(append(bytes.Clone(content), box...)))
		both.Wait()
		v := m.ended(decode[video](t, a.body).ID)
		if v.State != "ready" {
			t.Fatalf("%+v", v)
		}
		m.awaitOnly(v)
		checkPlays(t, m, v, 12)
		last = []string{v.ID}
	}
}

func TestTrashIsEmptiedByItself(t *testing.T) {
	dir := t.TempDir()
	m := boot(t, dir)
	id := m.ended(m.add(film.Make(t, "film.mp4", film.Source(160, 90, 3), film.H264())).ID).ID
	before := m.used()
	m.do("DELETE", "/api/v1/videos/"+id, nil)
	if a := m.do("POST", "/api/v1/videos/"+id+"/restore", nil); a.status != http.StatusOK || m.used() != before {
		t.Fatalf("restore: %d %s", a.status, a.body)
	}
	m.do("DELETE", "/api/v1/videos/"+id, nil)
	m.stop()
	again := bootWith(t, node.Config{Data: dir, TrashFor: time.Nanosecond})
	again.awaitOnly()
	if a := again.do("GET", "/api/v1/videos/"+id, nil); a.status != http.StatusNotFound {
		t.Errorf("the video: %d %s", a.status, a.body)
	}
}

func TestScrubFindsWhatWentBadAndNamesTheFilm(t *testing.T) {
	dir := t.TempDir()
	m := boot(t, dir)
	bad := m.ended(m.add(film.Make(t, "bad.mp4", film.Source(320, 180, 6), film.H264())).ID)
	good := m.ended(m.add(film.Make(t, "good.mp4", film.Source(160, 90, 3), film.H264())).ID)
	checkPlays(t, m, bad, 6)
	for _, ref := range m.pictureChunks(bad) {
		path := filepath.Join(dir, "chunks", ref[:2], ref)
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		data[len(data)/3] ^= 4
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if a := m.do("POST", "/api/v1/scrub", nil); a.status != http.StatusAccepted {
		t.Fatalf("scrub: %d %s", a.status, a.body)
	}
	if said := m.warned("videos_damaged"); !bytes.Contains([]byte(said), []byte("“bad”")) || bytes.Contains([]byte(said), []byte("“good”")) {
		t.Errorf("the warning is %q", said)
	}
	checkPlays(t, m, good, 3)
	// As the warning says: delete it and add it again.
	m.do("DELETE", "/api/v1/videos/"+bad.ID+"?purge=true", nil)
	m.awaitOnly(good)
	status := m.get("/api/v1/status").body
	if bytes.Contains(status, []byte("videos_damaged")) {
		t.Errorf("the warning stays: %s", status)
	}
}

// pictureChunks are the first chunks of a video's pictures; the sound of the test films is always the same.
func (m *machine) pictureChunks(v video) (refs []string) {
	m.t.Helper()
	var described struct {
		Renditions []struct {
			Kind     string
			Segments []struct{ Chunks []struct{ Ref string } }
		}
	}
	if err := json.Unmarshal(m.get("/api/v1/videos/"+v.ID+"/manifest").body, &described); err != nil {
		m.t.Fatal(err)
	}
	for _, r := range described.Renditions {
		if r.Kind == "video" {
			refs = append(refs, r.Segments[0].Chunks[0].Ref)
		}
	}
	return refs
}

func TestBackupComesBackOnAnotherMachine(t *testing.T) {
	dir := t.TempDir()
	m := boot(t, dir)
	v := m.ended(m.add(film.Make(t, "film.mp4", film.Source(160, 90, 3), film.H264())).ID)
	saved := m.get("/api/v1/backup").body
	m.do("DELETE", "/api/v1/videos/"+v.ID, nil)
	m.stop()

	// The chunks were copied by hand, as operating.md says.
	elsewhere := t.TempDir()
	if err := os.CopyFS(filepath.Join(elsewhere, "chunks"), os.DirFS(filepath.Join(dir, "chunks"))); err != nil {
		t.Fatal(err)
	}
	done, err := node.Restore(t.Context(), elsewhere, bytes.NewReader(saved))
	if err != nil || done.Videos != 1 || done.Node != "test" {
		t.Fatalf("%+v, %v", done, err)
	}
	again := boot(t, elsewhere)
	checkPlays(t, again, again.ended(v.ID), 3)
	again.stop()

	// Without the chunks the node starts, and says what is missing.
	bare := t.TempDir()
	if _, err := node.Restore(t.Context(), bare, bytes.NewReader(saved)); err != nil {
		t.Fatal(err)
	}
	empty := boot(t, bare)
	if said := empty.warned("videos_damaged"); !bytes.Contains([]byte(said), []byte("“film”")) {
		t.Errorf("the warning is %q", said)
	}
}
