package system_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"path"
	"slices"
	"sync"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"shoal/internal/manifest/hlscheck"
)

const (
	// bufferSeconds is how much a player has ahead of what is on the screen.
	bufferSeconds = 10
	// playerTick is how often a player looks at the time, and asks again for what it did not get.
	playerTick = 20 * time.Millisecond
)

// event is what happens when that second of the film is on the screen.
type event struct {
	at float64
	do func()
}

// part is something to be fetched that has to be there when its time comes.
type part struct {
	address    string
	start, end float64
}

// player plays picture and sound at their speed, as a browser does, and keeps a buffer.
type player struct {
	from   *machine
	tracks [][]part
	events []event

	mu       sync.Mutex
	position float64   // guarded by mu; what is on the screen, in seconds
	buffered []float64 // guarded by mu; up to where each track is there
	// guarded by mu: what came of it
	sums                  map[string][sha256.Size]byte
	stalls, wrong, failed int
	bytes                 int
	slowest               time.Duration
}

// newPlayer reads the playlists of the first picture and the first sound.
func newPlayer(t *testing.T, from *machine, id string) *player {
	t.Helper()
	p := &player{from: from, sums: make(map[string][sha256.Size]byte)}
	master := "/hls/" + id + "/master.m3u8"
	list, err := hlscheck.ReadMaster(from.get(master).body)
	if err != nil {
		t.Fatal(err)
	}
	playlists := []string{list.Variants[0].URI}
	if len(list.Alternatives) > 0 {
		playlists = append(playlists, list.Alternatives[0].URI)
	}
	for _, uri := range playlists {
		at := path.Join(path.Dir(master), uri)
		media, err := hlscheck.ReadMedia(from.get(at).body)
		if err != nil {
			t.Fatal(err)
		}
		parts := []part{{path.Join(path.Dir(at), media.Map), 0, 0}}
		for _, s := range media.Segments {
			start := parts[len(parts)-1].end
			parts = append(parts, part{path.Join(path.Dir(at), s.URI), start, start + s.Duration.Seconds()})
		}
		p.tracks = append(p.tracks, parts)
	}
	p.buffered = make([]float64, len(p.tracks))
	return p
}

// play returns when one of the tracks has ended, or the film is stuck.
func (p *player) play(t *testing.T) {
	t.Helper()
	end := p.tracks[0][len(p.tracks[0])-1].end
	for _, parts := range p.tracks {
		end = min(end, parts[len(parts)-1].end)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), time.Duration(2*end*float64(time.Second)))
	defer cancel()
	loading, both := errgroup.WithContext(ctx)
	for i := range p.tracks {
		loading.Go(func() error { return p.load(both, i) })
	}
	p.show(t, both, end)
	if err := loading.Wait(); err != nil {
		t.Fatal(err)
	}
}

// show moves the position with the time, and has the events happen.
func (p *player) show(t *testing.T, ctx context.Context, end float64) {
	tick := time.NewTicker(playerTick)
	defer tick.Stop()
	stalled, last := true, time.Now()
	for at := 0.0; at < end && ctx.Err() == nil; {
		<-tick.C
		now := time.Now()
		p.mu.Lock()
		there, begun := slices.Min(p.buffered), p.position > 0
		at = p.position + now.Sub(last).Seconds()
		late := at > there
		if at = min(at, there); late && !stalled && begun && at < end {
			p.stalls++
			t.Logf("a stall at %.1f s", at)
		}
		p.position, stalled, last = at, late, now
		p.mu.Unlock()
		for len(p.events) > 0 && at >= p.events[0].at {
			t.Logf("event at %.1f s, what is there ends at %.1f s", at, there)
			p.events[0].do()
			p.events = p.events[1:]
		}
	}
}

// load fetches a track's parts in turn, each when there is room for it, and again until it comes.
func (p *player) load(ctx context.Context, track int) error {
	tick := time.NewTicker(playerTick)
	defer tick.Stop()
	for _, part := range p.tracks[track] {
		for done := false; !done; {
			p.mu.Lock()
			early := part.start > p.position+bufferSeconds
			p.mu.Unlock()
			if !early {
				done = p.fetch(part)
			}
			if done {
				break
			}
			select {
			case <-tick.C:
			case <-ctx.Done():
				return fmt.Errorf("%s did not come: %w", part.address, ctx.Err())
			}
		}
		p.mu.Lock()
		p.buffered[track] = part.end
		p.mu.Unlock()
	}
	return nil
}

// fetch gets one part and tells whether it came.
func (p *player) fetch(part part) bool {
	began := time.Now()
	a, err := p.from.try("GET", part.address, nil)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.slowest = max(p.slowest, time.Since(began))
	if err != nil || a.status != http.StatusOK {
		p.failed++
		return false
	}
	sum := sha256.Sum256(a.body)
	if a.header.Get("ETag") != `"`+hex.EncodeToString(sum[:])+`"` {
		p.wrong++
	}
	p.sums[part.address], p.bytes = sum, p.bytes+len(a.body)
	return true
}
