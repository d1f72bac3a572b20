package upkeep_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"shoal/internal/chunk"
	"shoal/internal/chunk/chunktest"
	"shoal/internal/manifest"
	"shoal/internal/upkeep"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// house is a Keeper with everything around it; call start within a synctest bubble.
type house struct {
	t       *testing.T
	cfg     upkeep.Config
	keeper  *upkeep.Keeper
	library *library
	imports *imports
	store   *store
	records *records
	log     *lockedBuffer
	stop    func()
}

func newHouse(t *testing.T) *house {
	h := &house{
		t: t, library: newLibrary(), imports: &imports{held: make(map[chunk.Ref]bool)},
		store:   &store{Memory: chunktest.NewMemory(t), put: make(map[chunk.Ref]time.Time)},
		records: &records{rows: make(map[string][]byte)}, log: new(lockedBuffer),
	}
	h.cfg = upkeep.Config{
		Library: h.library, Imports: h.imports, Store: h.store, Records: h.records, Totals: h.store.totals,
		Log: slog.New(slog.NewTextHandler(h.log, nil)),
	}
	return h
}

// start runs a new Keeper over the same data, as a new process does.
func (h *house) start() {
	h.t.Helper()
	if h.stop != nil {
		h.stop()
	}
	h.keeper = upkeep.New(h.cfg)
	ctx, cancel := context.WithCancel(h.t.Context())
	done := make(chan error, 1)
	go func() { done <- h.keeper.Run(ctx) }()
	h.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			h.t.Errorf("run: %v", err)
		}
	})
	synctest.Wait()
}

// pass lets time pass.
func (h *house) pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// in runs a test in a bubble with fake time.
func in(t *testing.T, f func(t *testing.T, h *house)) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		f(t, h)
		if h.stop != nil {
			h.stop()
		}
	})
}

func (h *house) lacks(refs ...chunk.Ref) {
	h.t.Helper()
	for _, ref := range refs {
		if _, err := h.store.Stat(h.t.Context(), ref); !errors.Is(err, chunk.ErrNotFound) {
			h.t.Errorf("stat %s: %v, want ErrNotFound", ref, err)
		}
	}
}

func (h *house) holds(refs ...chunk.Ref) {
	h.t.Helper()
	for _, ref := range refs {
		if _, err := h.store.Stat(h.t.Context(), ref); err != nil {
			h.t.Error(err)
		}
	}
}

func (h *house) warning(code string) string {
	for _, w := range h.keeper.Warnings() {
		if w.Code == code {
			return w.Message
		}
	}
	return ""
}

// store is a store in memory whose chunks have ages.
type store struct {
	*chunktest.Memory

	mu      sync.Mutex
	put     map[chunk.Ref]time.Time // guarded by mu
	aside   []chunk.Ref             // guarded by mu
	checked []chunk.Ref             // guarded by mu; in the order of Verify
	broken  map[chunk.Ref]error     // guarded by mu; what Verify answers
}

// add puts a chunk that is of that age.
func (s *store) add(t testing.TB, text string, age time.Duration) chunk.Ref {
	t.Helper()
	info := chunktest.Put(t, s.Memory, []byte(text))
	s.mu.Lock()
	defer s.mu.Unlock()
	s.put[info.Ref] = time.Now().Add(-age)
	return info.Ref
}

func (s *store) Walk(ctx context.Context, after chunk.Ref, visit func(chunk.Info, time.Time) error) error {
	var all []chunk.Info
	for info, err := range s.List(ctx) {
		if err != nil {
			return err
		}
		if bytes.Compare(info.Ref[:], after[:]) > 0 {
			all = append(all, info)
		}
	}
	slices.SortFunc(all, func(a, b chunk.Info) int { return bytes.Compare(a.Ref[:], b.Ref[:]) })
	for _, info := range all {
		s.mu.Lock()
		put := s.put[info.Ref]
		s.mu.Unlock()
		if err := visit(info, put); err != nil {
			return err
		}
	}
	return nil
}

func (s *store) DeleteBefore(ctx context.Context, ref chunk.Ref, limit time.Time) (int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	info, err := s.Stat(ctx, ref)
	if errors.Is(err, chunk.ErrNotFound) || err == nil && !s.put[ref].Before(limit) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	return info.Size, s.Delete(ctx, ref)
}

func (s *store) Verify(ctx context.Context, ref chunk.Ref) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.checked = append(s.checked, ref)
	if err := s.broken[ref]; err != nil {
		return err
	}
	r, err := s.Open(ctx, ref)
	if errors.Is(err, chunk.ErrCorrupt) {
		s.aside = append(s.aside, ref)
	}
	if err != nil {
		return err
	}
	return r.Close()
}

func (s *store) Quarantined(context.Context) ([]chunk.Ref, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.aside), nil
}

func (s *store) totals() (chunks, bytes int64) { return int64(s.Len()), 0 }

func (s *store) verified() []chunk.Ref {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.checked)
}

// library has videos that are lists of chunks.
type library struct {
	mu      sync.Mutex
	videos  map[manifest.VideoID]upkeep.Contents // guarded by mu
	purged  map[manifest.VideoID]upkeep.Contents // guarded by mu
	trashed map[manifest.VideoID]time.Time       // guarded by mu
	unknown error                                // guarded by mu; what Live answers
	reads   int                                  // guarded by mu
	oldest  time.Time                            // guarded by mu; when the oldest import of another node began
}

func newLibrary() *library {
	return &library{
		videos: make(map[manifest.VideoID]upkeep.Contents), purged: make(map[manifest.VideoID]upkeep.Contents),
		trashed: make(map[manifest.VideoID]time.Time),
	}
}

func (l *library) add(name string, refs ...chunk.Ref) manifest.VideoID {
	l.mu.Lock()
	defer l.mu.Unlock()
	id := manifest.VideoID(name)
	l.videos[id] = upkeep.Contents{ID: id, Title: name, Chunks: func(yield func(chunk.Info) bool) {
		for _, ref := range refs {
			if !yield(chunk.Info{Ref: ref, Size: 1}) {
				return
			}
		}
	}}
	return id
}

// trash puts a video into the trash now.
func (l *library) trash(id manifest.VideoID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.trashed[id] = time.Now()
}

// change replaces what is known of a video.
func (l *library) change(id manifest.VideoID, f func(*upkeep.Contents)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	c := l.videos[id]
	f(&c)
	l.videos[id] = c
}

func (l *library) Live(_ context.Context, visit func(upkeep.Contents) error) error {
	l.mu.Lock()
	videos, unknown := maps.Clone(l.videos), l.unknown
	l.reads++
	l.mu.Unlock()
	for _, id := range slices.Sorted(maps.Keys(videos)) {
		if err := visit(videos[id]); err != nil {
			return err
		}
	}
	return unknown
}

func (l *library) Has(id manifest.VideoID) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	_, found := l.videos[id]
	return found
}

func (l *library) Purge(_ context.Context, id manifest.VideoID) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.purged[id] = l.videos[id]
	delete(l.videos, id)
	delete(l.trashed, id)
	return nil
}

func (l *library) PurgeTrashed(ctx context.Context, before time.Time) (ids []manifest.VideoID, err error) {
	l.mu.Lock()
	for id, at := range l.trashed {
		if at.Before(before) {
			ids = append(ids, id)
		}
	}
	l.mu.Unlock()
	for _, id := range ids {
		_ = l.Purge(ctx, id)
	}
	return ids, nil
}

func (l *library) Purged() []manifest.VideoID {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Sorted(maps.Keys(l.purged))
}

func (l *library) PurgedContents(_ context.Context, id manifest.VideoID) upkeep.Contents {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.purged[id]
}

func (l *library) OldestImport() (time.Time, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.oldest, !l.oldest.IsZero()
}

func (l *library) Cleared(_ context.Context, id manifest.VideoID) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.purged, id)
	return nil
}

// imports relies on the chunks that it holds.
type imports struct {
	mu   sync.Mutex
	held map[chunk.Ref]bool // guarded by mu
}

func (im *imports) Claimed(visit func(chunk.Ref)) {
	im.mu.Lock()
	defer im.mu.Unlock()
	for ref := range im.held {
		visit(ref)
	}
}

func (im *imports) Clear(ctx context.Context, refs []chunk.Ref, unwanted func(context.Context) ([]chunk.Ref, error), remove func(context.Context, chunk.Ref) error) error {
	doomed, err := unwanted(ctx)
	if err != nil {
		return err
	}
	im.mu.Lock()
	defer im.mu.Unlock()
	condemned := make(map[chunk.Ref]bool)
	for _, ref := range refs {
		condemned[ref] = !im.held[ref]
	}
	for _, ref := range doomed {
		if condemned[ref] {
			condemned[ref] = false
			err = errors.Join(err, remove(ctx, ref))
		}
	}
	return err
}

type records struct {
	mu   sync.Mutex
	rows map[string][]byte // guarded by mu
}

func (r *records) Load(_ context.Context, bucket, key string) ([]byte, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if value, found := r.rows[bucket+"/"+key]; found {
		return value, nil
	}
	return nil, fs.ErrNotExist
}

func (r *records) Save(_ context.Context, bucket, key string, value []byte) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.rows[bucket+"/"+key] = bytes.Clone(value)
	return nil
}

// lockedBuffer keeps what is logged.
type lockedBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer // guarded by mu
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}
