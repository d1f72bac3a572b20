package watch_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"shoal/internal/watch"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// records keeps rows in memory.
type records struct {
	mu   sync.Mutex
	rows map[string][]byte
}

func (r *records) Save(_ context.Context, bucket, key string, value []byte) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.rows[bucket+"/"+key] = bytes.Clone(value)
	return nil
}

func (r *records) Each(_ context.Context, bucket string, visit func(string, []byte) error) error {
	for name, value := range r.rows {
		if key, ours := strings.CutPrefix(name, bucket+"/"); ours {
			if err := visit(key, value); err != nil {
				return err
			}
		}
	}
	return nil
}

// shelf is a library that notes what it is given.
type shelf struct {
	mu        sync.Mutex
	busy      bool
	refuse    error
	during    func() // happens while a film is read
	films     []string
	subtitles []string
	more      chan struct{}
}

func (s *shelf) Busy() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.busy
}

func (s *shelf) AddFilm(_ context.Context, name string, size int64, body io.Reader) (string, error) {
	s.mu.Lock()
	refuse, during := s.refuse, s.during
	s.mu.Unlock()
	if refuse != nil {
		return "", refuse
	}
	if during != nil {
		during()
	}
	data, err := io.ReadAll(body)
	if err != nil {
		return "", err
	}
	if int64(len(data)) != size {
		return "", io.ErrUnexpectedEOF
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.films = append(s.films, name)
	select {
	case s.more <- struct{}{}:
	default:
	}
	return "video of " + name, nil
}

func (s *shelf) AddSubtitles(_ context.Context, video, name string, content []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch string(content) {
	case "bad":
		return errors.New("no subtitles that can be read")
	case "late":
		return watch.ErrLater
	case "gone":
		return fs.ErrNotExist
	}
	s.subtitles = append(s.subtitles, name+" to "+video)
	return nil
}

// bench is a folder with a watcher that looks when the test says so.
type bench struct {
	t       *testing.T
	dir     string
	shelf   *shelf
	records *records
	now     time.Time
	watcher *watch.Watcher
	look    func(context.Context) time.Duration
	end     func()
}

var errNoNotifier = errors.New("none here")

func newBench(t *testing.T) *bench {
	b := &bench{t: t, dir: t.TempDir(), shelf: &shelf{more: make(chan struct{}, 1)}, records: &records{rows: make(map[string][]byte)}, now: time.Now().Add(time.Hour)}
	b.restart()
	t.Cleanup(func() { b.end() })
	return b
}

func (b *bench) config() watch.Config {
	return watch.Config{Dir: b.dir, Library: b.shelf, Records: b.records, Now: func() time.Time { return b.now }}
}

func (b *bench) restart() {
	b.t.Helper()
	if b.end != nil {
		b.end()
	}
	w, err := watch.New(b.t.Context(), b.config().Notified(func() (watch.Notifier, error) { return nil, errNoNotifier }))
	if err != nil {
		b.t.Fatal(err)
	}
	b.watcher = w
	b.look, b.end = w.Looks()
}

func (b *bench) put(name, content string) {
	b.t.Helper()
	path := filepath.Join(b.dir, name)
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(content), 0o600)); err != nil {
		b.t.Fatal(err)
	}
}

// twice looks, lets files be quiet for long enough, and looks again.
func (b *bench) twice() {
	b.look(b.t.Context())
	b.now = b.now.Add(11 * time.Second)
	b.look(b.t.Context())
}

// codes lists the codes of the warnings, that of the missing notifier aside.
func (b *bench) codes() (codes []string) {
	for _, w := range b.watcher.Status().Warnings {
		if w.Code != "watch_slow" {
			codes = append(codes, w.Code)
		}
	}
	return codes
}

func (b *bench) wantFilms(want ...string) {
	b.t.Helper()
	slices.Sort(b.shelf.films)
	if !slices.Equal(b.shelf.films, want) {
		b.t.Errorf("films %q, want %q", b.shelf.films, want)
	}
}

func TestEachFilmIsAddedOnceWithWhatLiesBesideIt(t *testing.T) {
	b := newBench(t)
	b.put("a.mp4", "film a")
	b.put("series/b.MKV", "film b")
	b.put("series/b.de.srt", "deutsch")
	b.put("notes.txt", "no film")
	b.put(".hidden/x.mp4", "hidden")
	b.put("empty.mp4", "")
	b.look(t.Context())
	b.wantFilms()
	if s := b.watcher.Status(); s.Films != 3 || s.Waiting != 3 || !s.Scanned.Equal(b.now) {
		t.Errorf("%+v", s)
	}
	b.twice()
	b.wantFilms("a.mp4", "b.MKV")
	b.twice()
	b.restart()
	b.twice()
	b.wantFilms("a.mp4", "b.MKV")
	b.put("series/b.srt", "later")
	b.twice()
	if diff := cmp.Diff([]string{"b.de.srt to video of b.MKV", "b.srt to video of b.MKV"}, b.shelf.subtitles); diff != "" {
		t.Error(diff)
	}
	if s := b.watcher.Status(); s.Added != 0 || s.Waiting != 1 || len(b.codes()) > 0 {
		t.Errorf("%+v", s)
	}
}

func TestGrowingFileWaitsUntilItIsQuiet(t *testing.T) {
	b := newBench(t)
	for i := range 5 {
		b.put("a.mp4", strings.Repeat("x", i+1))
		b.twice()
		if i < 4 {
			b.put("a.mp4", strings.Repeat("x", i+2)) // between two looks
		}
		if i == 0 && len(b.shelf.films) == 0 {
			t.Fatal("a quiet file was not added")
		}
		b.shelf.films = nil
	}
	b.put("b.mp4", "1")
	b.look(t.Context())
	b.now = b.now.Add(6 * time.Second)
	b.put("b.mp4", "12")
	b.look(t.Context())
	b.now = b.now.Add(6 * time.Second)
	b.look(t.Context())
	b.wantFilms()
	b.now = b.now.Add(6 * time.Second)
	b.look(t.Context())
	b.wantFilms("b.mp4")
}

func TestFileThatChangesWhileItIsReadIsNotTaken(t *testing.T) {
	b := newBench(t)
	b.put("a.mp4", "half")
	b.shelf.during = func() {
		b.shelf.during = nil
		b.put("a.mp4", "half and more")
	}
	b.twice()
	b.wantFilms()
	if len(b.codes()) > 0 {
		t.Errorf("%+v", b.watcher.Status())
	}
	b.twice()
	b.wantFilms("a.mp4")
}

func TestMovedAndCopiedFilmsAreNotAddedAgainAndDeletedOnesStay(t *testing.T) {
	b := newBench(t)
	b.put("a.mp4", "film a")
	b.twice()
	if err := os.Rename(filepath.Join(b.dir, "a.mp4"), filepath.Join(b.dir, "b.mp4")); err != nil {
		t.Fatal(err)
	}
	b.put("copy/c.mp4", "film a")
	b.twice()
	b.restart()
	b.twice()
	b.wantFilms("a.mp4")
	b.put("b.mp4", "film b") // as long as the other one
	b.twice()
	b.wantFilms("a.mp4", "b.mp4")
	if err := os.RemoveAll(filepath.Join(b.dir, "b.mp4")); err != nil {
		t.Fatal(err)
	}
	b.twice()
	b.wantFilms("a.mp4", "b.mp4")
}

func TestLibrarySetsThePace(t *testing.T) {
	b := newBench(t)
	for i := range 3 {
		b.put(fmt.Sprintf("%d.mp4", i), fmt.Sprint("film ", i))
	}
	b.shelf.busy = true
	b.twice()
	b.wantFilms()
	b.shelf.busy, b.shelf.refuse = false, watch.ErrLater
	b.twice()
	if s := b.watcher.Status(); s.Waiting != 3 || len(b.codes()) > 0 {
		t.Errorf("%+v", s)
	}
	b.shelf.refuse = errors.New("larger than this node takes")
	b.twice()
	b.shelf.refuse = nil
	b.twice() // they are left alone, and told of, until they change
	if s := b.watcher.Status(); s.Waiting != 0 || !slices.Equal(b.codes(), []string{"watch_left_out"}) || !strings.Contains(s.Warnings[len(s.Warnings)-1].Message, "0.mp4 (larger than this node takes)") {
		t.Errorf("%+v", s)
	}
	b.put("1.mp4", "another film 1")
	b.twice()
	b.wantFilms("1.mp4")
}

func TestSubtitlesThatAreNotTakenAreTold(t *testing.T) {
	b := newBench(t)
	b.put("a.mp4", "film a")
	b.put("a.en.srt", "bad")
	b.put("a.de.srt", "late")
	b.put("a.fr.srt", "gone")
	b.twice()
	b.twice()
	if s := b.watcher.Status(); len(b.codes()) != 1 || !strings.Contains(fmt.Sprint(s.Warnings), "a.en.srt (no subtitles") || strings.Contains(fmt.Sprint(s.Warnings), "a.fr") {
		t.Errorf("%+v", s)
	}
	b.put("a.en.srt", "good now")
	b.twice()
	if diff := cmp.Diff([]string{"a.en.srt to video of a.mp4"}, b.shelf.subtitles); diff != "" || len(b.codes()) > 0 {
		t.Errorf("%s %+v", diff, b.watcher.Status())
	}
}

func TestLinksAreFollowedInsideTheFolderOnly(t *testing.T) {
	b := newBench(t)
	outside := t.TempDir()
	if err := os.WriteFile(filepath.Join(outside, "secret.mp4"), []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	b.put("real/a.mp4", "film a")
	for link, to := range map[string]string{
		"secret.mp4": filepath.Join(outside, "secret.mp4"), "out": outside, "inside.mp4": "real/a.mp4", "loop": ".", "broken.mp4": "nowhere.mp4",
		"up.mp4": "../" + filepath.Base(outside) + "/secret.mp4",
	} {
		if err := os.Symlink(to, filepath.Join(b.dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	b.twice()
	if len(b.shelf.films) != 1 || len(b.codes()) > 0 {
		t.Errorf("%q, %+v", b.shelf.films, b.watcher.Status())
	}
}

func TestFolderThatCannotBeReadIsToldAndTriedAgain(t *testing.T) {
	b := newBench(t)
	moved := b.dir + "-away"
	if err := os.Rename(b.dir, moved); err != nil {
		t.Fatal(err)
	}
	b.twice()
	if !slices.Equal(b.codes(), []string{"watch_unreadable"}) {
		t.Errorf("%+v", b.watcher.Status())
	}
	if err := os.Rename(moved, b.dir); err != nil {
		t.Fatal(err)
	}
	b.put("a.mp4", "film a")
	b.twice()
	b.wantFilms("a.mp4")
	if len(b.codes()) > 0 {
		t.Errorf("%+v", b.watcher.Status())
	}
	if os.Getuid() == 0 {
		return // nothing is unreadable to root
	}
	b.put("b.mp4", "film b")
	if err := os.Chmod(filepath.Join(b.dir, "b.mp4"), 0); err != nil {
		t.Fatal(err)
	}
	b.twice()
	if !slices.Equal(b.codes(), []string{"watch_left_out"}) {
		t.Errorf("%+v", b.watcher.Status())
	}
}

// full is a notifier that has no room for more folders.
type full struct{ watch.Notifier }

func (full) Add(string) error { return syscall.ENOSPC }

func TestLimitsOfTheSystemAreToldWithTheirRemedy(t *testing.T) {
	for name, c := range map[string]struct {
		make func() (watch.Notifier, error)
		want string
	}{
		"folders":  {func() (watch.Notifier, error) { n, err := watch.SystemNotifier(); return full{n}, err }, "sudo sysctl fs.inotify.max_user_watches=524288"},
		"watchers": {func() (watch.Notifier, error) { return nil, syscall.EMFILE }, "sudo sysctl fs.inotify.max_user_instances=1024"},
		"others":   {func() (watch.Notifier, error) { return nil, errNoNotifier }, "none here"},
	} {
		b := newBench(t)
		w, err := watch.New(t.Context(), b.config().Notified(c.make))
		if err != nil {
			t.Fatal(err)
		}
		look, end := w.Looks()
		look(t.Context())
		end()
		if got := w.Status().Warnings; len(got) != 1 || got[0].Code != "watch_slow" || !strings.Contains(got[0].Message, c.want) {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestChangesAreNoticedWithoutWaitingForTheNextLook(t *testing.T) {
	b := newBench(t)
	cfg := b.config()
	cfg.Every, cfg.Settle, cfg.Quiet, cfg.Now = time.Hour, time.Millisecond, time.Millisecond, time.Now
	w, err := watch.New(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- w.Run(ctx) }()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for w.Status().Scanned.IsZero() {
		<-tick.C
	}
	b.put("deep/er/a.mp4", "film a")
	select {
	case <-b.shelf.more:
	case <-time.After(time.Minute):
		t.Error("nothing was added")
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	b.wantFilms("a.mp4")
}
