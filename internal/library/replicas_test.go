package library_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"shoal/internal/chunk"
	"shoal/internal/chunk/chunktest"
	"shoal/internal/library"
	"shoal/internal/manifest"
	"shoal/internal/rows"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// storage is what a node's disk keeps of its rows.
type storage struct {
	mu   sync.Mutex
	data map[string][]byte // guarded by mu
}

func (s *storage) SaveAll(ctx context.Context, _ string, values map[string][]byte) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for key, value := range values {
		s.data[key] = bytes.Clone(value)
	}
	return nil
}

func (s *storage) Load(ctx context.Context, _, key string) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if value, found := s.data[key]; found {
		return bytes.Clone(value), nil
	}
	return nil, fs.ErrNotExist
}

func (s *storage) Each(_ context.Context, _ string, visit func(string, []byte) error) error {
	s.mu.Lock()
	all := maps.Clone(s.data)
	s.mu.Unlock()
	for _, key := range slices.Sorted(maps.Keys(all)) {
		if err := visit(key, bytes.Clone(all[key])); err != nil {
			return err
		}
	}
	return nil
}

// signer signs as nobody would, which everybody believes here.
type signer string

func (s signer) Writer() string              { return string(s) }
func (s signer) Sign([]byte) ([]byte, error) { return []byte(s), nil }
func (signer) Verify(r *rows.Row, _ []byte) error {
	if string(r.Proof) != r.Writer {
		return errors.New("not signed")
	}
	return nil
}

// failer is what testing.T and rapid.T have in common.
type failer interface {
	Helper()
	Fatalf(format string, args ...any)
	Errorf(format string, args ...any)
}

// replica is a node that shares its records, and all chunks, with others.
type replica struct {
	*library.Library
	t       failer
	name    string
	fleet   *fleet
	storage *storage
	local   *memory
	table   *rows.Table
	opts    library.Options
	// before and after are called around each record that the library saves.
	before, after func()
	// gone are the imports that the library had stopped, each with what it was folded into.
	mu   sync.Mutex
	gone []string // guarded by mu
}

// fleet is a few nodes that exchange their records when they are told to.
type fleet struct {
	t      failer
	ctx    context.Context
	chunks *chunktest.Memory
	nodes  []*replica
	mu     sync.Mutex
	clock  time.Time // guarded by mu
	ids    uint16    // guarded by mu
}

// newID makes the same ids in the same order each time, so that a failure can be repeated.
func (f *fleet) newID() manifest.VideoID {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ids++
	return manifest.NewVideoID(bytes.NewReader(bytes.Repeat([]byte{byte(f.ids), byte(f.ids >> 8)}, 8)))
}

func newFleet(t testing.TB, f failer, names ...string) *fleet {
	fl := &fleet{t: f, ctx: context.Background(), chunks: chunktest.NewMemory(t), clock: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	for _, name := range names {
		fl.nodes = append(fl.nodes, fl.join(name))
	}
	return fl
}

func (f *fleet) now() time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.clock = f.clock.Add(time.Millisecond)
	return f.clock
}

func (f *fleet) join(name string) *replica {
	r := &replica{t: f.t, name: name, fleet: f, storage: &storage{data: make(map[string][]byte)}, local: newMemory()}
	r.opts = library.Options{Self: name, Local: r.local, Now: f.now, NewID: f.newID, Gone: func(_ context.Context, id, same manifest.VideoID) error {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.gone = append(r.gone, string(id)+" "+string(same))
		return nil
	}}
	r.start()
	return r
}

// watched is a table of rows that tells when the library saves to it.
type watched struct {
	*rows.Table
	r *replica
}

func (w *watched) Save(ctx context.Context, bucket, key string, value []byte) error {
	if w.r.before != nil {
		w.r.before()
	}
	err := w.Table.Save(ctx, bucket, key, value)
	if w.r.after != nil {
		w.r.after()
	}
	return err
}

// start opens the node anew from what it stored, as after a crash.
func (r *replica) start() {
	r.t.Helper()
	table, err := rows.Open(r.fleet.ctx, rows.Config{
		Storage: r.storage, Signer: signer(r.name), Verifier: signer(""),
		Changed: func(id rows.ID, value []byte, deleted bool) { r.Changed(id.Bucket, id.Key, value, deleted) },
	})
	if err != nil {
		r.t.Fatalf("open the rows of %s: %v", r.name, err)
	}
	l, err := library.Open(r.fleet.ctx, &watched{table, r}, r.fleet.chunks, r.opts)
	if err != nil {
		r.t.Fatalf("open the library of %s: %v", r.name, err)
	}
	r.table, r.Library = table, l
}

// exchange brings two nodes to the same records.
func (f *fleet) exchange(a, b *replica) {
	f.t.Helper()
	one, other := net.Pipe()
	defer one.Close()
	var answer sync.WaitGroup
	var answerErr error
	answer.Go(func() {
		defer other.Close()
		_, answerErr = b.table.Answer(f.ctx, other)
	})
	_, err := a.table.Sync(f.ctx, one)
	if err != nil {
		one.Close()
	}
	answer.Wait()
	if err != nil || answerErr != nil {
		f.t.Fatalf("exchange of %s and %s: %v, %v", a.name, b.name, err, answerErr)
	}
}

// meet lets all nodes exchange their records and do what follows, until nothing changes any more.
func (f *fleet) meet() {
	f.t.Helper()
	for range 20 {
		before := f.total()
		for range f.nodes {
			for i, a := range f.nodes {
				f.exchange(a, f.nodes[(i+1)%len(f.nodes)])
			}
		}
		for _, r := range f.nodes {
			if !r.FollowOnce(f.ctx) {
				f.t.Errorf("%s could not do what follows", r.name)
			}
		}
		if f.total() == before {
			return
		}
	}
	f.t.Fatalf("the nodes never come to rest")
}

// total stands for all that the nodes have stored.
func (f *fleet) total() string {
	var all []string
	for _, r := range f.nodes {
		_ = r.storage.Each(f.ctx, "", func(key string, value []byte) error {
			all = append(all, key+string(value))
			return nil
		})
	}
	return strings.Join(all, "\n")
}

// videos returns all that a library shows.
func (r *replica) videos() map[manifest.VideoID]library.Video {
	r.t.Helper()
	all := make(map[manifest.VideoID]library.Video)
	for _, state := range []library.State{"", library.Trashed} {
		page, err := r.List(library.Query{State: state, Limit: library.MaxLimit})
		if err != nil {
			r.t.Fatalf("list: %v", err)
		}
		for _, v := range page.Videos {
			all[v.ID] = v
		}
	}
	return all
}

// agree checks that all nodes show the same, and would after a restart.
func (f *fleet) agree() {
	f.t.Helper()
	want := f.nodes[0].videos()
	for _, r := range f.nodes {
		if diff := cmp.Diff(want, r.videos()); diff != "" {
			f.t.Errorf("%s and %s differ (-%[1]s +%[2]s):\n%s", f.nodes[0].name, r.name, diff)
		}
		table, err := rows.Open(f.ctx, rows.Config{Storage: r.storage, Signer: signer(r.name), Verifier: signer("")})
		if err != nil {
			f.t.Fatalf("%v", err)
		}
		again := &replica{t: f.t, name: r.name}
		opts := r.opts
		opts.Gone, opts.Local = nil, newMemory()
		if again.Library, err = library.Open(f.ctx, table, f.chunks, opts); err != nil {
			f.t.Fatalf("%v", err)
		}
		if diff := cmp.Diff(r.videos(), again.videos()); diff != "" {
			f.t.Errorf("%s shows something else after a restart (-before +after):\n%s", r.name, diff)
		}
	}
}

func (r *replica) must(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatalf("%s: %v", r.name, err)
	}
}

// accepted adds a video in state processing; its bytes are told apart by name.
func (r *replica) accepted(name string) manifest.VideoID {
	r.t.Helper()
	id, err := r.Receive(name, "")
	r.must(err)
	if _, duplicate, err := r.Accept(r.fleet.ctx, id, 1000, chunk.Sum([]byte(name))); err != nil || duplicate {
		r.t.Fatalf("accept %s on %s: duplicate %v, %v", name, r.name, duplicate, err)
	}
	return id
}

func (r *replica) ready(name string) manifest.VideoID {
	r.t.Helper()
	id := r.accepted(name)
	r.publish(id, film(name, 3, true))
	return id
}

func (r *replica) publish(id manifest.VideoID, m *manifest.Manifest) {
	r.t.Helper()
	r.must(r.Publish(r.fleet.ctx, id, m, r.keep(m)))
}

func (r *replica) keep(m *manifest.Manifest) []chunk.Info {
	data, err := m.Encode()
	r.must(err)
	stored, err := r.fleet.chunks.Put(r.fleet.ctx, data)
	r.must(err)
	return []chunk.Info{stored.Info}
}

// putAll stores what film says that a video is made of.
func (f *fleet) putAll(seed string, segments int) {
	for _, data := range content(seed, segments) {
		if _, err := f.chunks.Put(f.ctx, data); err != nil {
			f.t.Fatalf("%v", err)
		}
	}
}

// addText publishes a ready video with one more text, as subtitles that somebody adds.
func (r *replica) addText(id manifest.VideoID, name string) error {
	m, was, err := r.Stored(r.fleet.ctx, id)
	if err != nil {
		return err
	}
	m = m.Snapshot()
	text := subtitles(name)
	text.Default = !slices.ContainsFunc(m.Renditions, func(r manifest.Rendition) bool { return r.Kind == manifest.Text && r.Default })
	m.Renditions = append(m.Renditions, text)
	done, err := r.Replace(r.fleet.ctx, id, was, m, r.keep(m))
	if err == nil && !done {
		err = errors.New("somebody was faster")
	}
	return err
}

func (r *replica) removeText(id manifest.VideoID, name string) error {
	m, was, err := r.Stored(r.fleet.ctx, id)
	if err != nil {
		return err
	}
	m = m.Snapshot()
	m.Renditions = slices.DeleteFunc(m.Renditions, func(t manifest.Rendition) bool { return t.ID == name })
	_, err = r.Replace(r.fleet.ctx, id, was, m, r.keep(m))
	return err
}

func subtitles(name string) manifest.Rendition {
	return manifest.Rendition{
		ID: name, Kind: manifest.Text, Codec: "wvtt", Timescale: 1000, Complete: true, Forced: true, Default: true,
		Segments: []manifest.Segment{{Blob: *blob("text " + name), Duration: 1000}},
	}
}

// texts lists the texts of a ready video.
func (r *replica) texts(id manifest.VideoID) (names []string) {
	r.t.Helper()
	m, err := r.Manifest(r.fleet.ctx, id)
	if err != nil {
		r.t.Fatalf("%s: %v", r.name, err)
	}
	for _, rendition := range m.Renditions {
		if rendition.Kind == manifest.Text {
			names = append(names, rendition.ID)
		}
	}
	slices.Sort(names)
	return names
}

func (r *replica) video(id manifest.VideoID) library.Video {
	r.t.Helper()
	v, err := r.Get(id)
	if err != nil {
		r.t.Fatalf("%s: %v", r.name, err)
	}
	return v
}

func (r *replica) stopped() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.gone)
}

func (r *replica) String() string { return fmt.Sprintf("node %s", r.name) }
