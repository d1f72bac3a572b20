package library_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"shoal/internal/library"
	"shoal/internal/manifest"
)

// line connects a library to those of other nodes, and counts what is asked.
type line struct {
	fleet *fleet

	mu    sync.Mutex
	asked int                         // guarded by mu
	known []uint64                    // guarded by mu
	gate  func(context.Context) error // guarded by mu; holds an answer up, or fails it
}

func (n *line) Draft(ctx context.Context, node string, id manifest.VideoID, known uint64) (library.Draft, error) {
	n.mu.Lock()
	n.asked++
	n.known = append(n.known, known)
	gate := n.gate
	n.mu.Unlock()
	if gate != nil {
		if err := gate(ctx); err != nil {
			return library.Draft{}, err
		}
	}
	for _, r := range n.fleet.nodes {
		if r.name == node {
			return r.Preparing(id, known)
		}
	}
	return library.Draft{}, errors.New("no such node")
}

func (n *line) count() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.asked
}

func (n *line) set(gate func(context.Context) error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.gate = gate
}

// inStudio runs a test in a bubble with fake time: ben prepares a video, and ann has a line to him.
func inStudio(t *testing.T, f func(t *testing.T, ann, ben *replica, n *line, id manifest.VideoID)) {
	synctest.Test(t, func(t *testing.T) {
		fl, ann, ben := pair(t)
		n := &line{fleet: fl}
		ann.opts.Remote, ann.opts.Now = n, time.Now
		ann.start()
		id := ben.accepted("film")
		fl.meet()
		f(t, ann, ben, n, id)
	})
}

func silent(ctx context.Context) error {
	<-ctx.Done()
	return ctx.Err()
}

func TestAVideoThatAnotherNodePreparesPlaysHere(t *testing.T) {
	inStudio(t, func(t *testing.T, ann, ben *replica, n *line, id manifest.VideoID) {
		if _, err := ann.Manifest(t.Context(), id); !errors.Is(err, library.ErrNotReady) {
			t.Errorf("before the first draft: %v, want ErrNotReady", err)
		}
		ben.Progress(id, "prepare", 0.4)
		ben.Describe(id, time.Hour)
		ben.Draft(id, film("film", 2, false))
		time.Sleep(time.Second)
		m, err := ann.Manifest(t.Context(), id)
		if err != nil || len(m.Renditions[0].Segments) != 2 {
			t.Fatalf("%+v, %v", m, err)
		}
		if v := ann.video(id); !v.Playable || v.Progress != 0.4 || v.Stage != "prepare" || v.Duration != time.Minute || len(v.Renditions) != 1 || v.Away {
			t.Errorf("%+v", v)
		}
		if m, err := ann.Manifest(t.Context(), id); err != nil || m == nil || n.count() != 2 {
			t.Errorf("within a second it was asked %d times, %v", n.count(), err)
		}
		ben.Draft(id, film("film", 3, false))
		time.Sleep(time.Second)
		if m, err = ann.Manifest(t.Context(), id); err != nil || len(m.Renditions[0].Segments) != 3 {
			t.Errorf("%+v, %v", m, err)
		}
		if n.known[2] == 0 || n.known[2] == n.known[1] {
			t.Errorf("what ann has was told as %v", n.known)
		}
		// A change of somebody's leaves what is known of the import.
		ben.must(second(ben.Rename(t.Context(), id, "Named")))
		ann.fleet.exchange(ann, ben)
		if v := ann.video(id); v.Title != "Named" || !v.Playable || v.Progress != 0.4 {
			t.Errorf("%+v", v)
		}
		ben.publish(id, film("film", 4, true))
		ann.fleet.exchange(ann, ben)
		asked := n.count()
		time.Sleep(time.Minute)
		if m, err := ann.Manifest(t.Context(), id); err != nil || !m.Complete || n.count() != asked {
			t.Errorf("%+v, %v; asked %d times", m, err, n.count()-asked)
		}
	})
}

func TestManyViewersAskOnce(t *testing.T) {
	inStudio(t, func(t *testing.T, ann, ben *replica, n *line, id manifest.VideoID) {
		ben.Draft(id, film("film", 2, false))
		n.set(func(ctx context.Context) error {
			select {
			case <-time.After(time.Second):
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
		// The first one goes away, and another takes over.
		first, leave := context.WithCancel(t.Context())
		var viewers sync.WaitGroup
		viewers.Go(func() {
			if _, err := ann.Manifest(first, id); !errors.Is(err, context.Canceled) {
				t.Errorf("who left got %v", err)
			}
		})
		synctest.Wait()
		for range 20 {
			viewers.Go(func() {
				if m, err := ann.Manifest(t.Context(), id); err != nil || m == nil {
					t.Errorf("%v", err)
				}
			})
		}
		synctest.Wait()
		leave()
		viewers.Wait()
		if n.count() != 2 {
			t.Errorf("asked %d times", n.count())
		}
	})
}

func TestASilentNodeHoldsAViewerTwoSeconds(t *testing.T) {
	inStudio(t, func(t *testing.T, ann, ben *replica, n *line, id manifest.VideoID) {
		ben.Draft(id, film("film", 2, false))
		if _, err := ann.Manifest(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		n.set(silent)
		begun := time.Now()
		for range 3 { // the last known draft plays, and nobody asks for a while
			if m, err := ann.Manifest(t.Context(), id); err != nil || len(m.Renditions[0].Segments) != 2 {
				t.Errorf("%+v, %v", m, err)
			}
		}
		if took := time.Since(begun); took != 2*time.Second || n.count() != 2 {
			t.Errorf("it took %s, %d questions", took, n.count())
		}
		if v := ann.video(id); !v.Away || v.State != library.Processing || v.Node != "ben" || !v.Playable {
			t.Errorf("%+v", v)
		}
		n.set(nil)
		time.Sleep(5 * time.Second)
		if _, err := ann.Manifest(t.Context(), id); err != nil || ann.video(id).Away {
			t.Errorf("when it answers again: %v, %+v", err, ann.video(id))
		}
	})
}

func TestWhoLooksAtAListSeesProgressAndWaitsForNothing(t *testing.T) {
	inStudio(t, func(t *testing.T, ann, ben *replica, n *line, id manifest.VideoID) {
		ctx, stop := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { ann.must(ann.Run(ctx)) })
		ben.Progress(id, "prepare", 0.3)
		begun := time.Now()
		ann.videos()
		synctest.Wait()
		if v := ann.videos()[id]; v.Progress != 0.3 || n.count() != 1 {
			t.Errorf("%+v, asked %d times", v, n.count())
		}
		n.set(silent)
		ben.Progress(id, "prepare", 0.6)
		time.Sleep(time.Second)
		for range 100 {
			ann.videos()
			ann.video(id)
		}
		synctest.Wait()
		if n.count() != 2 || time.Since(begun) != time.Second {
			t.Errorf("asked %d times in %s", n.count(), time.Since(begun))
		}
		time.Sleep(10 * time.Minute)
		if n.count() != 2 {
			t.Errorf("asked %d times though nobody looks", n.count())
		}
		n.set(nil)
		ann.video(id)
		synctest.Wait()
		if v := ann.video(id); v.Progress != 0.6 {
			t.Errorf("%+v", v)
		}
		n.set(silent)
		time.Sleep(time.Second)
		ann.video(id)
		synctest.Wait()
		stop() // while somebody is asked
		running.Wait()
	})
}

func TestListsOfManyVideosInWorkAskForSome(t *testing.T) {
	inStudio(t, func(t *testing.T, ann, ben *replica, n *line, _ manifest.VideoID) {
		for i := range 600 {
			ben.accepted(string(rune('a'+i%26)) + string(rune('a'+i/26)))
		}
		ann.fleet.meet()
		n.set(silent)
		ctx, stop := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { ann.must(ann.Run(ctx)) })
		ann.videos()
		synctest.Wait()
		if n.count() > 4 {
			t.Errorf("%d are asked at the same time", n.count())
		}
		stop()
		running.Wait()
	})
}

func TestOnlyWhoPreparesAVideoTellsOfIt(t *testing.T) {
	inStudio(t, func(t *testing.T, ann, ben *replica, _ *line, id manifest.VideoID) {
		if _, err := ann.Preparing(id, 0); !errors.Is(err, library.ErrElsewhere) {
			t.Errorf("of ben's: %v", err)
		}
		if _, err := ben.Preparing("none", 0); !errors.Is(err, library.ErrNotFound) {
			t.Errorf("of nobody's: %v", err)
		}
		ben.Draft(id, film("film", 2, false))
		first, err := ben.Preparing(id, 0)
		ben.must(err)
		again, err := ben.Preparing(id, first.Version)
		ben.must(err)
		if first.Manifest == nil || first.Version == 0 || again.Manifest != nil || again.Version != first.Version {
			t.Errorf("%+v, then %+v", first, again)
		}
		ben.start() // the draft begins anew, and is another one
		ben.Draft(id, film("film", 1, false))
		if anew, err := ben.Preparing(id, first.Version); err != nil || anew.Manifest == nil || len(anew.Manifest.Renditions[0].Segments) != 1 {
			t.Errorf("after a restart: %+v, %v", anew, err)
		}
	})
}
